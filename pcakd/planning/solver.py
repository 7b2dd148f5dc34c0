"""The best ranks of four taps under additive constraints, exactly, over the integer grid.

Each cost is a sum over block pairs, and that of pair b depends on the ranks of taps b - 1 and b
alone. So the ranks form a chain, and the search is exhaustive with little work: for each triple of
the first three ranks, the largest fourth rank that fits is found by bisection, because costs and
variance rise with it. For VGG-16 these are two million triples, a second of NumPy. A dynamic
program over the chain needs one dimension more for each budget; this search does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Tables: TypeAlias = tuple[Array, Array, Array, Array]

_ROUNDING = 1e-9  # of a limit: a cost that equals its limit up to rounding fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """An upper limit of an additive cost.

    Attributes:
        tables: The cost of block pairs 1 to 4, ``(K_{b-1}, K_b)`` each, at ranks from 1 on; the
            first has one row. The fourth must not fall with the rank of tap 4.
        limit: The most that their sum may be.
    """

    tables: Tables
    limit: float

    def cost(self, ranks: Sequence[int]) -> float:
        """Return the cost of ranks."""
        chain = (1, *ranks)
        return float(
            sum(
                table[chain[number] - 1, chain[number + 1] - 1]
                for number, table in enumerate(self.tables)
            )
        )

    @property
    def bound(self) -> float:
        """The limit, with an allowance for rounding."""
        return self.limit + _ROUNDING * abs(self.limit)


def solve(
    values: Sequence[Array], constraints: Sequence[Constraint]
) -> tuple[int, int, int, int] | None:
    """Return the ranks with the largest sum of values that satisfy all constraints.

    Of equal sums the first in lexicographic order of the ranks wins.

    Args:
        values: Of taps 1 to 4 at ranks from 1 on; rising with the rank.
        constraints: At least one.

    Returns:
        The ranks, or None if no ranks satisfy the constraints.

    Raises:
        ValueError: There is no constraint.
    """
    if not constraints:
        raise ValueError("at least one constraint is needed")
    first, second, third, fourth = values
    best, found = -np.inf, None
    inner = second[:, None] + third[None, :]
    for rank in range(len(first)):
        most = np.full(inner.shape, len(fourth))
        for constraint in constraints:
            most = np.minimum(most, _largest_last_rank(constraint, rank))
        total = np.where(most > 0, first[rank] + inner + fourth[np.maximum(most, 1) - 1], -np.inf)
        place = int(total.argmax())
        if total.flat[place] > best:
            best = float(total.flat[place])
            row, column = np.unravel_index(place, total.shape)
            found = _smallest_last(
                fourth, (rank + 1, int(row) + 1, int(column) + 1, int(most[row, column]))
            )
    return found


def _largest_last_rank(constraint: Constraint, rank: int) -> NDArray[np.int64]:
    """Return the largest rank of tap 4 that fits, for each rank of taps 2 and 3; 0 if none does."""
    one, two, three, four = constraint.tables
    left = constraint.bound - (one[0, rank] + two[rank][:, None] + three)
    most = [
        np.searchsorted(row, column, side="right") for row, column in zip(four, left.T, strict=True)
    ]
    return np.stack(most, axis=1)


def _smallest_last(fourth: Array, ranks: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Lower the last rank as long as nothing is lost: the end of a spectrum may be flat."""
    *before, last = ranks
    smallest = int(np.searchsorted(fourth[:last], fourth[last - 1], side="left")) + 1
    return before[0], before[1], before[2], smallest
