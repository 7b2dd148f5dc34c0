"""How much eigenbases depend on the photographs: two halves of the data, compared as they grow.

Principal angles between two subspaces with orthonormal bases A and B are the arc cosines of the
singular values of AᵀB (Björck and Golub, "Numerical methods for computing angles between linear
subspaces", Mathematics of Computation 27, 1973). The largest one reacts to single directions of
nearly equal eigenvalues; the root mean square of all is the distance of the subspaces, and the
variance that the other half's basis loses is what it costs.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.analysis.spool import TapMoments

SETTLED_DEGREES = 1.0
"""An angle has settled if it stays within so many degrees of its last value."""

_LEAST = 4  # photographs in a half
_DIVISIONS = 5  # of the photographs into two halves: a single one is noisy


@dataclass(frozen=True, slots=True, kw_only=True)
class HalvesComparison:
    """Two disjoint halves of some photographs, at one tap and one rank.

    Attributes:
        photographs: In each half.
        rms_angle: Root mean square of the principal angles between both bases, in degrees.
        largest_angle: The largest one, in degrees.
        lost: The share of a half's variance that the other half's basis of this rank loses against
            its own, the mean of both ways.
    """

    photographs: int
    rms_angle: float
    largest_angle: float
    lost: float


def compare_halves(
    read: Callable[[Sequence[int]], Iterable[TapMoments]],
    *,
    total: int,
    ranks: Sequence[int],
    seed: int = 0,
) -> dict[int, list[HalvesComparison]]:
    """Compare two halves of the photographs at growing sizes, averaged over random divisions.

    Args:
        read: Returns the moments of photographs at one tap, in a given order.
        total: The number of photographs.
        ranks: Ranks of the bases to compare.
        seed: Of the divisions.

    Returns:
        For each rank the comparisons at the sizes of `list_steps`; none if there are fewer than 8
        photographs.
    """
    steps = list_steps(total // 2)
    found: dict[int, list[list[HalvesComparison]]] = {rank: [[] for _ in steps] for rank in ranks}
    for division in range(_DIVISIONS if steps else 0):
        order = np.random.default_rng([seed, division]).permutation(total)[: 2 * steps[-1]]
        sums: list[Tensor] = [torch.tensor(0.0), torch.tensor(0.0)]
        for number, moments in enumerate(read(order.tolist()), start=1):
            half = number % 2
            sums[half] = sums[half] + moments.covariance
            if not half and number // 2 in steps:
                size = number // 2
                for rank, comparison in _compare(sums[0] / size, sums[1] / size, size, ranks):
                    found[rank][steps.index(size)].append(comparison)
    return {rank: [_average(each) for each in by_step] for rank, by_step in found.items()}


def _average(comparisons: Sequence[HalvesComparison]) -> HalvesComparison:
    return HalvesComparison(
        photographs=comparisons[0].photographs,
        rms_angle=mean(each.rms_angle for each in comparisons),
        largest_angle=mean(each.largest_angle for each in comparisons),
        lost=mean(each.lost for each in comparisons),
    )


def list_steps(half: int) -> list[int]:
    """Return the sizes of halves: powers of two from 4 on, and all, each at least twice the last.

    >>> list_steps(50), list_steps(3)
    ([4, 8, 16, 50], [])
    """
    powers = [_LEAST * 2**n for n in range(64) if 2 * _LEAST * 2**n <= half]
    return [*powers, half] if half >= _LEAST else []


def settled_at(comparisons: Sequence[HalvesComparison]) -> int | None:
    """Return the photographs a half from which the angle stays where it is at the end.

    None if only the last comparison is there: then more photographs may move it further.
    """
    last = comparisons[-1].rms_angle if comparisons else 0.0
    settled = None
    for comparison in reversed(comparisons[:-1]):
        if abs(comparison.rms_angle - last) > SETTLED_DEGREES:
            break
        settled = comparison.photographs
    return settled


def principal_angles(
    first: Float[Tensor, "c k"], second: Float[Tensor, "c k"]
) -> Float[Tensor, " k"]:
    """Return the principal angles between the spans of orthonormal columns, in degrees, falling.

    Small angles come from sines and large ones from cosines, so that neither loses digits.
    """
    cosines = torch.linalg.svdvals(first.mT @ second).clamp(0.0, 1.0)
    sines = torch.linalg.svdvals(second - first @ (first.mT @ second)).clamp(0.0, 1.0)
    by_cosine, by_sine = torch.acos(cosines).flip(0), torch.asin(sines)
    return torch.rad2deg(torch.where(by_sine < math.pi / 4, by_sine, by_cosine))


def _compare(
    first: Float[Tensor, "c c"], second: Float[Tensor, "c c"], size: int, ranks: Sequence[int]
) -> Iterable[tuple[int, HalvesComparison]]:
    bases = [torch.linalg.eigh(each)[1].flip(1) for each in (first, second)]
    for rank in ranks:
        one, two = (basis[:, :rank] for basis in bases)
        angles = principal_angles(one, two)
        lost = (_lost(first, one, two) + _lost(second, two, one)) / 2
        yield (
            rank,
            HalvesComparison(
                photographs=size,
                rms_angle=float(angles.square().mean().sqrt()),
                largest_angle=float(angles.max()),
                lost=lost,
            ),
        )


def _lost(covariance: Tensor, own: Tensor, other: Tensor) -> float:
    total = float(covariance.trace())
    held = [float((basis * (covariance @ basis)).sum()) for basis in (own, other)]
    return (held[0] - held[1]) / total if total > 0 else 0.0
