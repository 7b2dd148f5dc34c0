"""Means, covariances and roots of symmetric matrices.

Convention: features are ``channels × height × width``, a covariance divides by the number of
pixels N (not N - 1), accumulation and factorisations run in float64 where the device has it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.errors import NumericalError, ShapeError
from pcakd.utils.sections import section

_CHUNK_ELEMENTS = 1 << 22  # 16 MiB of float32: stays near the last-level cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """First and second moments of a feature map over its pixels.

    Attributes:
        mean: Mean of each channel, shape ``(c,)``.
        covariance: Covariance of the channels, shape ``(c, c)``, divided by N.
    """

    mean: Float[Tensor, " c"]
    covariance: Float[Tensor, "c c"]


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
    with section("covariance"):
        return _measure(features)


def _measure(features: Float[Tensor, "c h w"]) -> Statistics:
    wide = accumulation_dtype(features.device)
    channels = features.shape[0]
    pixels = _pixels(features)
    count = pixels.shape[1]
    blocks = torch.split(pixels, max(1, _CHUNK_ELEMENTS // channels), dim=1)
    narrow = torch.promote_types(features.dtype, torch.float32)
    mean = torch.stack([block.sum(dim=1, dtype=narrow) for block in blocks]).to(wide)
    mean = mean.sum(dim=0) / count
    shift = mean.to(narrow)[:, None]
    total = torch.zeros(channels, channels, dtype=wide, device=features.device)
    for block in blocks:
        centred = block.to(narrow) - shift
        total += centred @ centred.T
    # the shift may have been rounded: take out what is left of the mean
    rest = mean - shift[:, 0].to(wide)
    return Statistics(mean=mean, covariance=total / count - torch.outer(rest, rest))


def _pixels(features: Float[Tensor, "c h w"]) -> Float[Tensor, "c n"]:
    """Return the pixels as columns, without a copy of a map that is channels-last."""
    if features.stride(0) == 1:
        return features.permute(1, 2, 0).flatten(0, 1).T
    return features.flatten(1)


def measure_statistics_reference(features: Float[Tensor, "c h w"]) -> Statistics:
    """Compute what :func:`measure_statistics` computes, by the definition, in float64.

    The oracle of the tests and the baseline of the micro-benchmark.
    """
    pixels = features.double().flatten(1)
    mean = pixels.mean(dim=1)
    centred = pixels - mean[:, None]
    return Statistics(mean=mean, covariance=centred @ centred.T / pixels.shape[1])


def matrix_power(
    matrix: Float[Tensor, "c c"], exponent: float, *, floor: float = 1e-5
) -> Float[Tensor, "c c"]:
    """Raise a symmetric positive semi-definite matrix to a real power.

    Args:
        matrix: A symmetric matrix.
        exponent: The power, 0.5 or -0.5 here.
        floor: Eigenvalues below this count as zero, and so do their powers.

    Returns:
        The symmetric matrix ``U f(Λ) Uᵀ``.

    Source:
        The authors' released code drops singular values below 1e-5; for a symmetric positive
        semi-definite matrix singular values and eigenvalues agree, and ``eigh`` is the cheaper.
    """
    values, vectors = eigh(matrix)
    powers = torch.where(values >= floor, values.clamp_min(floor).pow(exponent), 0.0)
    return (vectors * powers) @ vectors.mT


def eigh(matrix: Float[Tensor, "c c"]) -> tuple[Float[Tensor, " c"], Float[Tensor, "c c"]]:
    """Factorise a symmetric matrix; eigenvalues rise. MPS, which cannot, borrows the CPU.

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
