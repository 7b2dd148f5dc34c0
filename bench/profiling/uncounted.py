"""Uncounted operators: work of NumPy and of image pyramids, which traces show as one call."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from bench.records.uncounted import UncountedOperator

Work = Callable[[Tensor, Tensor], Tensor]

_inside: ContextVar[bool] = ContextVar("inside", default=False)


def inside_uncounted() -> bool:
    """Tell whether an uncounted operator runs now, whose own operators are not to be counted."""
    return _inside.get()


def mark_uncounted(name: UncountedOperator, work: Work) -> Work:
    """Return a function that does the same and appears in a trace as one operator.

    `bench.profiling.macs` lists its calls as uncounted. Without the mark, results of NumPy would be
    constants in a trace and count as zero, and a pyramid of halved sizes would have counts that
    cannot be extended to other image sizes.

    Args:
        name: The name of the operator.
        work: A function of two tensors to one. The returned function has no gradient.
    """

    def forward(ctx: Any, first: Float[Tensor, "..."], second: Float[Tensor, "..."]) -> Tensor:
        token = _inside.set(True)
        try:
            return work(first, second)
        finally:
            _inside.reset(token)

    function = type(name, (torch.autograd.Function,), {"forward": staticmethod(forward)})
    apply: Work = function.apply  # type: ignore[attr-defined]
    return apply
