"""Multiply-adds of a subject at any size, counted by fvcore on small images.

A count is a × h × w + b × h + c × w + d in the image's height and width as long as both keep their
remainder modulo 16 (images are padded to a multiple of 8 or 16). Four small traces determine it and
a fifth one checks it, so that no large image is run. Only sums of partial results are left out,
whose number depends on how a long tensor is cut into blocks.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.profiling.handles import UNCOUNTED, create_handles

_PERIOD = 16
_BASE, _STEP = 32, 16
_DIRECT = _BASE + 2 * _STEP
CONVOLUTION = "convolution"
"""Operator name of the networks' convolutions; that of the feature transform is ``affine_map``."""


class Countable(Protocol):
    """What can be counted, such as a prepared subject."""

    @property
    def modules(self) -> tuple[nn.Module, ...]:
        """Its networks."""
        ...

    def run_untiled(
        self, content: Float[Tensor, "1 3 h w"], style: Float[Tensor, "1 3 h2 w2"]
    ) -> Tensor:
        """Stylize with networks on whole maps."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MacCount:
    """Multiply-adds (one FLOP count is twice this) of one stylization.

    Attributes:
        macs_content: Convolutions of the networks on the content path (encode and decode).
        macs_total: All that is counted: both images, statistics, factorisations, transform.
        macs_by_operator: ``macs_total`` by operator.
        uncounted: Calls of the operators that have no count.
    """

    macs_content: int
    macs_total: int
    macs_by_operator: dict[str, int]
    uncounted: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Trace:
    macs: dict[str, int]
    uncounted: dict[str, int]


def count_macs(subject: Countable, sizes: Sequence[tuple[int, int]]) -> list[MacCount]:
    """Count a subject on the CPU at several sizes, the style as large as the content.

    Args:
        subject: A prepared subject, on the CPU.
        sizes: Heights and widths in pixels, at least 16.

    Raises:
        ValueError: The count does not have the form that the module describes.
    """
    share = _content_share(subject)
    traces: dict[tuple[int, int], _Trace] = {}
    counts = []
    for height, width in sizes:
        trace = _trace_at(subject, height, width, traces)
        content = share * trace.macs.get(CONVOLUTION, 0)
        if content.denominator != 1:
            raise ValueError(f"content path at {width}x{height} has {content} multiply-adds")
        counts.append(
            MacCount(
                macs_content=int(content),
                macs_total=sum(trace.macs.values()),
                macs_by_operator=trace.macs,
                uncounted=trace.uncounted,
            )
        )
    return counts


def _trace_at(
    subject: Countable, height: int, width: int, known: dict[tuple[int, int], _Trace]
) -> _Trace:
    """Count at one size, see :func:`count_at`; ``known`` keeps the traces."""

    def trace(rows: int, columns: int) -> _Trace:
        if (rows, columns) not in known:
            known[rows, columns] = trace_macs(subject, (rows, columns), (rows, columns))
        return known[rows, columns]

    macs = count_at(lambda rows, columns: trace(rows, columns).macs, height, width)
    return _Trace(macs, trace(*_least(height, width)).uncounted)


def count_at(
    count: Callable[[int, int], Mapping[str, int]], height: int, width: int
) -> dict[str, int]:
    """Count at one size: directly if it is small, otherwise from counts at small sizes.

    Args:
        count: Counts by name at a height and a width.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Raises:
        ValueError: The counts do not have the form that the module describes.
    """
    low, left = _least(height, width)
    if (low, left) == (height, width):
        return dict(count(height, width))
    grid = {
        (rows, columns): count(rows, columns)
        for rows in (low, low + _STEP)
        for columns in (left, left + _STEP)
    }
    check = (low + 2 * _STEP, left + 2 * _STEP)
    if _extend(grid, *check) != count(*check):
        raise ValueError(f"multiply-adds are no bilinear function of the size at {check}")
    return _extend(grid, height, width)


def _least(height: int, width: int) -> tuple[int, int]:
    """Return the smallest size to run in place of another one: itself, if it is small."""
    if max(height, width) <= _DIRECT + _PERIOD:
        return height, width
    return _BASE + height % _PERIOD, _BASE + width % _PERIOD


def _extend(
    grid: Mapping[tuple[int, int], Mapping[str, int]], height: int, width: int
) -> dict[str, int]:
    """Extend counts bilinearly from four corners, in whole numbers."""
    (low, left), *_, (high, right) = grid
    area = (high - low) * (right - left)
    weights = {
        (low, left): (high - height) * (right - width),
        (low, right): (high - height) * (width - left),
        (high, left): (height - low) * (right - width),
        (high, right): (height - low) * (width - left),
    }
    names = sorted({name for counts in grid.values() for name in counts})
    return {
        name: sum(weight * grid[corner].get(name, 0) for corner, weight in weights.items()) // area
        for name in names
    }


def _content_share(subject: Countable) -> Fraction:
    """Return the content's share of the networks' convolutions.

    Both parts are proportional to their image's area, so a larger style separates them.
    """
    square, wide = (_BASE, _BASE), (_BASE, 2 * _BASE)
    total = trace_macs(subject, square, square).macs.get(CONVOLUTION, 0)
    grown = trace_macs(subject, square, wide).macs.get(CONVOLUTION, 0)
    return Fraction(2 * total - grown, total) if total else Fraction(0)


def trace_macs(subject: Countable, content: tuple[int, int], style: tuple[int, int]) -> _Trace:
    """Trace a subject with fvcore.

    Args:
        subject: A prepared subject, on the CPU.
        content: Height and width of the content.
        style: Height and width of the style.
    """
    with _quiet():
        from fvcore.nn import FlopCountAnalysis

        generator = torch.Generator().manual_seed(0)
        image = partial(torch.rand, generator=generator)
        inputs = (image(1, 3, *content), image(1, 3, *style))
        analysis = FlopCountAnalysis(_Traced(subject), inputs)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        analysis.set_op_handle(**create_handles())
        by_module = analysis.by_module_and_operator()
        unsupported = analysis.unsupported_ops()
    counts = {name: int(count) for name, count in by_module[""].items()}
    macs = {name: n for name, n in counts.items() if n and not name.startswith(UNCOUNTED)}
    all_convolutions = macs.pop("conv", 0)
    networks = int(by_module["networks"].get("conv", 0))
    if networks:
        macs[CONVOLUTION] = networks
    if all_convolutions > networks:
        macs["affine_map"] = all_convolutions - networks
    prefixes = re.compile(r"aten::|prim::PythonOp\.")  # the second: `mark_uncounted`
    calls = {prefixes.sub("", name): int(n) for name, n in unsupported.items()}
    calls |= {n.removeprefix(UNCOUNTED): c for n, c in counts.items() if n.startswith(UNCOUNTED)}
    return _Trace(dict(sorted(macs.items())), dict(sorted(calls.items())))


class _Traced(nn.Module):
    """A subject as the module that fvcore expects, its networks under one name."""

    def __init__(self, subject: Countable) -> None:
        super().__init__()
        self.networks = nn.ModuleList(subject.modules)
        self._subject = (subject,)  # a tuple, so that a module is not registered twice

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        return self._subject[0].run_untiled(content, style)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence torch's warnings on tracing: fvcore only reads shapes from the trace."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
