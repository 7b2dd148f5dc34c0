"""Means, covariances and roots of symmetric matrices.

Convention: features are ``channels × height × width``, a covariance divides by the number of
pixels N (not N - 1), accumulation and factorisations run in float64 where the device has it.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from pcakd.errors import NumericalError, ShapeError
from pcakd.utils.sections import section
from pcakd.utils.threads import map_in_threads

FLOOR = 1e-5
"""Eigenvalues below this count as zero, and so do their powers."""

_FLOOR_GAP = 0.5
"""Smallest distance of eigenvalues on both sides of the floor that gradients couple, in floors."""

_ROW_VALUES = 24  # of the pixels that are multiplied as one row, at most
LEAST_GROUPED = 1 << 14
"""Pixels from which several are multiplied as one row. Fewer are not, so that multiply-adds, which
are counted on small images, are those that the result needs."""
_CHUNK_ELEMENTS = 1 << 19  # 2 MiB of float32: stays in the cache of a core


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """First and second moments of a feature map over its pixels, or of each map of a batch.

    Attributes:
        mean: Mean of each channel, shape ``(c,)`` or ``(b, c)``.
        covariance: Covariance of the channels, shape ``(c, c)`` or ``(b, c, c)``, divided by N.
    """

    mean: Float[Tensor, "*b c"]
    covariance: Float[Tensor, "*b c c"]


def accumulation_dtype(device: torch.device) -> torch.dtype:
    """Return the widest float type of a device: float64, except on MPS, which has none."""
    return torch.float32 if device.type == "mps" else torch.float64


def measure_statistics(features: Float[Tensor, "c h w"]) -> Statistics:
    """Compute the mean and covariance of a feature map without a centred copy of it.

    Pixels are read twice, in blocks that fit the cache: the first pass takes the mean, the second
    sums the outer products of the centred pixels, so that a large mean costs no digits.

    Args:
        features: Channels by height by width, any float type.

    Returns:
        Moments in float64 (float32 on MPS) on the same device.

    Raises:
        ShapeError: The input is not three-dimensional or holds no pixel.
    """
    if features.dim() != 3 or features.numel() == 0:
        raise ShapeError(f"expected features of shape (c, h, w), got {tuple(features.shape)}")
    with section("covariance"), without_autocast(features.device):
        return _measure(features)


def measure_batch(features: Float[Tensor, "b c h w"]) -> Statistics:
    """Compute the mean and covariance of each feature map of a batch, with gradients.

    The result is that of :func:`measure_statistics` up to rounding. This function needs more
    memory: it holds a centred copy of the features.

    Args:
        features: Batch by channels by height by width, any float type.

    Returns:
        Moments of shapes ``(b, c)`` and ``(b, c, c)``, in float64 (float32 on MPS).
    """
    wide = accumulation_dtype(features.device)
    with section("covariance"), without_autocast(features.device):
        pixels = features.flatten(2).to(torch.promote_types(features.dtype, torch.float32))
        mean = pixels.mean(dim=2, keepdim=True)
        centred = pixels - mean
        covariance = torch.bmm(centred, centred.mT).to(wide) / pixels.shape[2]
        return Statistics(mean=mean.to(wide)[..., 0], covariance=covariance)


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Keep sums and products in their own precision under ``torch.autocast``."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def _measure(features: Float[Tensor, "c h w"]) -> Statistics:
    wide = accumulation_dtype(features.device)
    channels = features.shape[0]
    pixels = _pixels(features)
    count = pixels.shape[1]
    blocks = torch.split(pixels, max(1, _CHUNK_ELEMENTS // channels), dim=1)
    narrow = torch.promote_types(features.dtype, torch.float32)

    def add_up(block: Tensor) -> Tensor:
        return block.sum(dim=1, dtype=narrow)

    sums = map_in_threads(add_up, blocks)
    mean = torch.stack(sums).to(wide).sum(dim=0) / count
    shift = mean.to(narrow)[:, None]

    def multiply(block: Tensor) -> Tensor:
        return _multiply(block.to(narrow) - shift)

    total = torch.zeros(channels, channels, dtype=wide, device=features.device)
    for product in map_in_threads(multiply, blocks):
        total += product
    # the shift may have been rounded: take out what is left of the mean
    rest = mean - shift[:, 0].to(wide)
    return Statistics(mean=mean, covariance=total / count - torch.outer(rest, rest))


def _multiply(columns: Float[Tensor, "c n"]) -> Float[Tensor, "c c"]:
    """Return ``columns @ columns.T``.

    With few channels, several pixels form one row, because BLAS is faster on wider matrices. The
    blocks on the diagonal of the product are added up; the others pair different pixels.
    """
    channels, count = columns.shape
    group = _ROW_VALUES // channels
    if group < 2 or count < LEAST_GROUPED or columns.stride(0) != 1:
        return columns @ columns.T
    even = count // group * group
    rows = columns[:, :even].T.reshape(-1, group * channels)
    blocks = (rows.T @ rows).view(group, channels, group, channels)
    rest = columns[:, even:]
    return blocks.diagonal(dim1=0, dim2=2).sum(dim=-1) + rest @ rest.T


def _pixels(features: Float[Tensor, "c h w"]) -> Float[Tensor, "c n"]:
    """Return the pixels as columns, without a copy of a map that is channels-last."""
    if features.stride(0) == 1:
        return features.permute(1, 2, 0).flatten(0, 1).T
    return features.flatten(1)


def matrix_power(matrix: Float[Tensor, "*b c c"], exponent: float) -> Float[Tensor, "*b c c"]:
    """Return the root, or the inverse root, of symmetric positive semi-definite matrices.

    The result is ``U f(Λ) Uᵀ`` with ``f(λ) = λ ** exponent`` from ``FLOOR`` on, and 0 below it:
    the inverse root is then that of Moore and Penrose.

    Gradients are those of this function, except near its jump at ``FLOOR``. An eigenvalue at the
    floor has the derivative from above. Two eigenvalues on both sides of the floor are coupled by
    (f(λᵢ) - f(λⱼ)) / (λᵢ - λⱼ), which has no bound where they nearly coincide; if they are less
    than half the floor apart, they are not coupled. Gradients are then bounded, also where
    eigenvalues are equal or zero: no factor exceeds 7e7 for the inverse root, or 700 for the root.

    Args:
        matrix: Symmetric matrices.
        exponent: 0.5 or -0.5.

    Raises:
        ValueError: The exponent is another one.
        NumericalError: A matrix is not finite, and no gradient is required. With gradients the
            result is NaN, so that a training can act on its loss.

    Source:
        The authors' released code drops singular values below 1e-5; for a symmetric positive
        semi-definite matrix singular values and eigenvalues agree, and ``eigh`` is the cheaper.
    """
    if abs(exponent) != 0.5:
        raise ValueError(f"the exponent must be 0.5 or -0.5, got {exponent}")
    if torch.is_grad_enabled() and matrix.requires_grad:
        result: Tensor = _MatrixPower.apply(matrix, exponent)
        return result
    values, vectors = eigh(matrix)
    return _compose(values, vectors, values.clamp_min(FLOOR).pow(exponent))


def _compose(values: Tensor, vectors: Tensor, powers: Tensor) -> Tensor:
    """Return the matrix of given eigenvectors and powers, those of small eigenvalues dropped."""
    kept = torch.where(values >= FLOOR, powers, 0.0)
    return (vectors * kept[..., None, :]) @ vectors.mT


class _MatrixPower(torch.autograd.Function):
    """A root whose derivative does not divide by differences of equal eigenvalues.

    Source: Daleckii and Krein, 1965: with A = U Λ Uᵀ and divided differences
    K_ij = (f(λ_i) - f(λ_j)) / (λ_i - λ_j), df = U (K ∘ Uᵀ dA U) Uᵀ. For square roots K is
    1 / (√λ_i + √λ_j), for inverse ones -1 / (√λ_i √λ_j (√λ_i + √λ_j)).
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, exponent: float) -> Tensor:
        ctx.exponent = exponent
        if not bool(matrix.isfinite().all()):
            zeros = torch.zeros_like(matrix)
            ctx.save_for_backward(zeros[..., 0], zeros)
            return torch.full_like(matrix, torch.nan)
        values, vectors = eigh(matrix)
        ctx.save_for_backward(values, vectors)
        return _compose(values, vectors, _powers(_roots(values), exponent))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        values, vectors = ctx.saved_tensors
        (gradient,) = gradients
        quotients = _divided_differences(values, ctx.exponent)
        symmetric = 0.5 * (gradient + gradient.mT)
        return vectors @ (quotients * (vectors.mT @ symmetric @ vectors)) @ vectors.mT, None


def _roots(values: Tensor) -> Tensor:
    return values.clamp_min(FLOOR).sqrt()


def _powers(roots: Tensor, exponent: float) -> Tensor:
    return roots if exponent > 0.0 else roots.reciprocal()


def _divided_differences(values: Float[Tensor, "*b c"], exponent: float) -> Tensor:
    """Return K for the function that is 0 below ``FLOOR``, and at the floor its right limit.

    K is 0 for two eigenvalues on both sides of the floor that nearly coincide.
    """
    roots = _roots(values)
    rows, columns = roots[..., :, None], roots[..., None, :]
    quotients = 1.0 / (rows + columns)
    if exponent < 0.0:
        quotients = -quotients / (rows * columns)
    kept = values >= FLOOR
    both = kept[..., :, None] & kept[..., None, :]
    run = values[..., :, None] - values[..., None, :]
    one = (kept[..., :, None] ^ kept[..., None, :]) & (run.abs() >= _FLOOR_GAP * FLOOR)
    powers = torch.where(kept, _powers(roots, exponent), 0.0)
    rise = powers[..., :, None] - powers[..., None, :]
    across = torch.where(one, rise / torch.where(one, run, 1.0), 0.0)
    return torch.where(both, quotients, across)


def eigh(
    matrix: Float[Tensor, "*b c c"],
) -> tuple[Float[Tensor, "*b c"], Float[Tensor, "*b c c"]]:
    """Return eigenvalues, in rising order, and eigenvectors of symmetric matrices.

    On MPS, which lacks this, the CPU computes them.

    Raises:
        NumericalError: The matrix holds a value that is not finite.
    """
    if matrix.device.type == "mps":
        values, vectors = eigh(matrix.cpu())
        return values.to(matrix.device), vectors.to(matrix.device)
    try:
        with section("eigh"):
            values, vectors = torch.linalg.eigh(matrix)
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
        raise NumericalError(
            "a covariance of features is not finite; use another student or a wider precision"
        ) from error
    return values, vectors
