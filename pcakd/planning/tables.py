"""Costs of block pairs at all ranks, as constraints of the solver."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, TypeAlias

import numpy as np

from pcakd.costs import Counts, LatencyModel, count_block, live_maps, peak_bytes
from pcakd.costs.counts import FLOAT_BYTES
from pcakd.errors import ConfigError
from pcakd.planning.budget import Budget
from pcakd.planning.solver import Array, Constraint, Tables
from pcakd.students import StudentSpec

Quantity: TypeAlias = Callable[[Counts], Any]
"""A linear function of counts."""

_BLOCKS = (1, 2, 3, 4)
_DEGREE = 3  # of counts as polynomials in the rank of a tap, at a fixed rank of the tap before


class BlockTables:
    """Counts of the four block pairs of an architecture at all ranks up to the teacher's widths.

    Args:
        spec: A student of the architecture; its ranks do not matter.
        widths: Channels of the teacher's taps.
    """

    def __init__(self, spec: StudentSpec, widths: Sequence[int]) -> None:
        self.spec = spec
        self.widths = tuple(widths)
        self._counts = [self._count(block) for block in _BLOCKS]

    def tables(self, quantity: Quantity) -> Tables:
        """Return a quantity of block pairs 1 to 4 at all ranks."""
        one, two, three, four = (np.asarray(quantity(counts), float) for counts in self._counts)
        return one, two, three, four

    def constraints(
        self, budget: Budget, *, model: LatencyModel | None, threads: int
    ) -> list[Constraint]:
        """Return the constraints that a budget is.

        Args:
            budget: The budget.
            model: The latency of this machine; needed for a budget of latency.
            threads: Threads that compute tiles, for a budget of memory.

        Raises:
            ConfigError: A model is needed and missing.
        """
        if budget.quantity == "params":
            return [Constraint(tables=self.tables(lambda c: c.num_params), limit=budget.limit)]
        if budget.quantity == "macs":
            return [Constraint(tables=self.tables(lambda c: c.macs), limit=budget.limit)]
        pixels = budget.resolution.pixels if budget.resolution else 0
        if budget.quantity == "memory":
            return self._memory_constraints(budget.limit, pixels, threads)
        if model is None:
            raise ConfigError(
                f"budget {budget.text!r} needs a latency model of this machine; run "
                "`pcakd analyze` without --no-latency"
            )
        tables = self.tables(lambda counts: model.predict_block_ns(counts, pixels))
        return [Constraint(tables=tables, limit=budget.limit - model.predict_call_ns(pixels))]

    def _memory_constraints(self, limit: float, pixels: int, threads: int) -> list[Constraint]:
        """Return a constraint for each decoder block, while which memory may peak."""
        ranks = 1, 1, 1, 1
        smallest = replace(self.spec, ranks=ranks)
        fixed = peak_bytes(smallest, 0, threads=threads)
        constraints = []
        for images, *taps in live_maps(smallest):
            slopes = [float(value) * FLOAT_BYTES * pixels for value in taps]
            tables = [
                np.broadcast_to(slope * np.arange(1, width + 1), (before, width)).astype(float)
                for slope, before, width in zip(
                    slopes, (1, *self.widths[:-1]), self.widths, strict=True
                )
            ]
            left = limit - fixed - float(images) * FLOAT_BYTES * pixels
            one, two, three, four = tables
            constraints.append(Constraint(tables=(one, two, three, four), limit=left))
        return constraints

    def _count(self, block: int) -> Counts:
        """Count a block pair at all ranks of the tap before (rows) and of its own (columns)."""
        width = self.widths[block - 1]
        if block == 1:  # the expansion of its blocks is rounded, so it is no polynomial
            return _stack([[self._count_at(block, 1, inner) for inner in range(1, width + 1)]])
        samples = np.unique(np.linspace(1, width, _DEGREE + 1).round())
        sampled = _stack(
            [
                [self._count_at(block, outer, int(inner)) for inner in samples]
                for outer in range(1, self.widths[block - 2] + 1)
            ]
        )
        weights = _interpolation_weights(samples, np.arange(1.0, width + 1.0))
        return Counts(
            **{each.name: getattr(sampled, each.name) @ weights for each in fields(Counts)}
        )

    def _count_at(self, block: int, outer: int, inner: int) -> Counts:
        ranks = [1, 1, 1, 1]
        ranks[block - 1] = inner
        if block > 1:
            ranks[block - 2] = outer
        first, second, third, fourth = ranks
        return count_block(replace(self.spec, ranks=(first, second, third, fourth)), block)


def _stack(rows: Sequence[Sequence[Counts]]) -> Counts:
    """Return counts whose fields are arrays."""
    stacked: dict[str, Any] = {
        each.name: np.array([[float(getattr(counts, each.name)) for counts in row] for row in rows])
        for each in fields(Counts)
    }
    return Counts(**stacked)


def _interpolation_weights(samples: Array, targets: Array) -> Array:
    """Return Lagrange's weights, samples by targets, of a polynomial through all samples."""
    weights = np.ones((len(samples), len(targets)))
    for row, sample in enumerate(samples):
        for other in samples:
            if other != sample:
                weights[row] *= (targets - other) / (sample - other)
    return weights
