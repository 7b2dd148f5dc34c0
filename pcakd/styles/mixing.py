"""Several sets of moments made into one: pooled over all pixels, or mixed by weights.

Source: the fixed point of Álvarez-Esteban, del Barrio, Cuesta-Albertos and Matrán, "A fixed-point
approach to barycenters in Wasserstein space", J. Math. Anal. Appl. 441, 2016. Departure: matrices
may be singular; inverse roots are then those of Moore and Penrose.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.errors import NumericalError
from pcakd.linalg import Statistics, eigh

_TOLERANCE = 1e-11
"""Relative change of the covariance at which the iteration stops."""
_ROUNDING = 1e-8
"""A change under this may be rounding: the iteration also stops when it no longer falls."""
_PATIENCE = 5
"""Steps without a new smallest change after which it no longer falls."""
_MOST_STEPS = 200
_LARGEST_CHANGE = 1e-3
"""Relative change of the last step that is accepted; singular covariances converge slowly."""
_SMALLEST_SHARE = 1e-12
"""Eigenvalues under this share of the largest one count as zero."""


def pool_statistics(moments: Sequence[Statistics], counts: Sequence[int]) -> Statistics:
    """Return the moments of all pixels of several feature maps together.

    Differences between the means of the maps add to the covariance.

    Args:
        moments: Mean and covariance of each map, of equal numbers of channels.
        counts: Number of pixels of each map.
    """
    if len(moments) == 1:
        return moments[0]
    shares = [count / sum(counts) for count in counts]
    mean = _weighted_sum([each.mean for each in moments], shares)
    covariance = _weighted_sum(
        [each.covariance + torch.outer(each.mean - mean, each.mean - mean) for each in moments],
        shares,
    )
    return Statistics(mean=mean, covariance=covariance)


def mix_statistics(moments: Sequence[Statistics], weights: Sequence[float]) -> Statistics:
    """Return the Wasserstein barycentre of Gaussians with given moments.

    Its mean is the weighted mean. Its covariance S solves S = Σ wᵢ (S^½ Cᵢ S^½)^½. The CPU computes
    it in float64, which the iteration needs; the result has the type and device of the first
    moments.

    Args:
        moments: Mean and covariance of each Gaussian, of equal numbers of channels.
        weights: One positive weight each; their sum is 1.

    Returns:
        The moments of the barycentre; those of a single Gaussian are returned as they are.

    Raises:
        NumericalError: The iteration does not converge, or a covariance is not finite.
    """
    if len(moments) == 1:
        return moments[0]
    mean = _weighted_sum([each.mean.cpu().double() for each in moments], weights)
    covariances = [each.covariance.cpu().double() for each in moments]
    covariance = _mix_covariances(covariances, weights)
    like = moments[0].covariance  # converted before the move: MPS has no float64
    return Statistics(
        mean=mean.to(like.dtype).to(like.device),
        covariance=covariance.to(like.dtype).to(like.device),
    )


def _mix_covariances(
    covariances: Sequence[Float[Tensor, "c c"]], weights: Sequence[float]
) -> Float[Tensor, "c c"]:
    current = _weighted_sum(covariances, weights)
    change = scale = smallest = float("inf")
    since = 0
    for _ in range(_MOST_STEPS):
        following = _step(current, covariances, weights)
        scale = float(torch.linalg.norm(following))
        change = float(torch.linalg.norm(following - current))
        current = following
        smallest, since = (change, 0) if change < smallest else (smallest, since + 1)
        if change <= _TOLERANCE * scale or (since >= _PATIENCE and smallest <= _ROUNDING * scale):
            return current
    if not change <= _LARGEST_CHANGE * scale:
        raise NumericalError(
            f"the mix of these styles does not converge in {_MOST_STEPS} steps; mix others"
        )
    return current


def _step(
    current: Float[Tensor, "c c"],
    covariances: Sequence[Float[Tensor, "c c"]],
    weights: Sequence[float],
) -> Float[Tensor, "c c"]:
    """Return S^-½ (Σ wᵢ (S^½ Cᵢ S^½)^½)² S^-½."""
    root, inverse = _roots(current)
    middle = _weighted_sum([_roots(root @ each @ root)[0] for each in covariances], weights)
    return _symmetric(inverse @ middle @ middle @ inverse)


def _roots(matrix: Float[Tensor, "c c"]) -> tuple[Tensor, Tensor]:
    """Return the root of a positive semi-definite matrix, and the pseudo-inverse of that root."""
    values, vectors = eigh(_symmetric(matrix))
    kept = values > _SMALLEST_SHARE * values[-1].clamp_min(0.0)
    roots = values.clamp_min(0.0).sqrt()
    roots = torch.where(kept, roots, 0.0)
    inverses = torch.where(kept, 1.0 / roots, 0.0)
    return (vectors * roots) @ vectors.mT, (vectors * inverses) @ vectors.mT


def _symmetric(matrix: Float[Tensor, "c c"]) -> Float[Tensor, "c c"]:
    return 0.5 * (matrix + matrix.mT)


def _weighted_sum(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    terms = [weight * tensor for weight, tensor in zip(weights, tensors, strict=True)]
    return torch.stack(terms).sum(dim=0)
