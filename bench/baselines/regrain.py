"""Regraining: gives a recoloured image the gradients of the original."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from bench.profiling.uncounted import mark_uncounted

_STEPS = (4, 16, 32, 64, 64, 64)  # Jacobi steps of each scale, from fine to coarse
_MIN_SIDE = 20  # pixels; an image whose half is smaller is not halved
_LEVELS = 256.0
_DAMPING = 0.2


def regrain(
    content: Float[Tensor, "3 h w"], recoloured: Float[Tensor, "3 h w"]
) -> Float[Tensor, "3 h w"]:
    """Bring the gradients of a recoloured image close to those of the content.

    Args:
        content: The image before recolouring, RGB in [0, 1].
        recoloured: The image after it.

    Returns:
        The image J that minimises ∫ φ |∇J − ∇content|² + ψ |J − recoloured|²; it may leave [0, 1].

    Source: Pitié, Kokaram and Dahyot, "Automated colour grading using colour distribution
        transfer", CVIU 2007, section 5, with the weights of the authors' code: φ = 2^-k · 30 /
        (1 + 10 g) at scale k, 0 the finest, and ψ = min(256 g / 5, 1), where g is the length of the
        content's gradient, a difference over two pixels in units of [0, 1]; solved by damped Jacobi
        steps from coarse to fine, with the code's numbers of steps. Departures: the coarsest scale
        starts from the recoloured image, each other one from the content plus the change of the
        coarser one; there is no flow across the border.
    """
    return _regrain(content, recoloured)


def _solve_pyramid(content: Tensor, recoloured: Tensor) -> Tensor:
    return _solve_scales(content[None], recoloured[None], 0)[0]


_regrain = mark_uncounted("regrain", _solve_pyramid)


def _solve_scales(
    content: Float[Tensor, "1 3 h w"], goal: Float[Tensor, "1 3 h w"], scale: int
) -> Float[Tensor, "1 3 h w"]:
    """Solve the coarser scales first, then this one."""
    height, width = content.shape[-2:]
    half = -(-height // 2), -(-width // 2)
    if scale + 1 < len(_STEPS) and min(half) > _MIN_SIDE:
        coarse = _resize(content, half)
        change = _solve_scales(coarse, _resize(goal, half), scale + 1).sub_(coarse)
        start = _resize(change, (height, width)).add_(content)
    else:
        start = goal.clone()
    return _iterate(start, content, goal, scale)


def _resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    return interpolate(image, size=size, mode="bilinear", align_corners=False, antialias=True)


def _iterate(
    solution: Float[Tensor, "1 3 h w"],
    content: Float[Tensor, "1 3 h w"],
    goal: Float[Tensor, "1 3 h w"],
    scale: int,
) -> Float[Tensor, "1 3 h w"]:
    """Take damped Jacobi steps towards the minimum, in place.

    With J = content + D, φ weights the gradients of D. Each step replaces D by the mean of its
    neighbours, weighted by φ, and of goal − content, weighted by ψ.
    """
    across, down, keep = _weights(content, scale)
    total = keep.clone()
    for weights, (first, second) in zip((across, down), _halves(total), strict=True):
        first.add_(weights)
        second.add_(weights)
    change = solution.sub_(content)
    pull = (goal - content).mul_(keep)
    for _ in range(_STEPS[scale]):
        mean = pull.clone()
        for weights, (first, second), (here, there) in zip(
            (across, down), _halves(mean), _halves(change), strict=True
        ):
            first.addcmul_(weights, there)
            second.addcmul_(weights, here)
        change.mul_(_DAMPING).add_(mean.div_(total), alpha=1 - _DAMPING)
    return change.add_(content)


def _weights(content: Float[Tensor, "1 3 h w"], scale: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return φ between horizontal and vertical neighbours, and ψ."""
    slope = torch.zeros_like(content[:, :1])
    for dim in (3, 2):
        step = content.diff(dim=dim)
        twice = torch.zeros_like(content)  # difference over two pixels, over one at the border
        twice.narrow(dim, 0, step.shape[dim]).add_(step)
        twice.narrow(dim, 1, step.shape[dim]).add_(step)
        slope.add_(twice.square_().sum(1, keepdim=True))
    slope.sqrt_()
    smooth = 2.0**-scale * 30.0 / (1.0 + 10.0 * slope)
    across, down = (first.add(second).div_(2.0) for first, second in _halves(smooth))
    return across, down, slope.mul_(_LEVELS / 5.0).clamp_(max=1.0)


def _halves(image: Float[Tensor, "1 c h w"]) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return views of the first and second of all horizontal and of all vertical neighbours."""
    return (image[..., :-1], image[..., 1:]), (image[..., :-1, :], image[..., 1:, :])
