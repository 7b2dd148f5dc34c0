"""Work that a trace shall name and not look into: other libraries' and that of a pyramid."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from bench.records.uncounted import UncountedOperator

Work = Callable[[Tensor, Tensor], Tensor]

_inside: ContextVar[bool] = ContextVar("inside", default=False)


def is_opaque() -> bool:
    """Tell whether work that is only named runs now; what counts operators looks away then."""
    return _inside.get()


def name_in_traces(name: UncountedOperator, work: Work) -> Work:
    """Return a function that does the same and that a trace holds as one call of that name.

    `bench.profiling.macs` then lists the call as uncounted. Without it, what NumPy computes is a
    constant in a trace and would count as nothing, silently; and a pyramid of halved sizes has no
    count that `bench.profiling.macs` could extend to other sizes.

    Args:
        name: What the call is called.
        work: A function of two tensors to one. It has no gradient.
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
