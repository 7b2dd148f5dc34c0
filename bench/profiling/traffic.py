"""Multiply-adds and bytes of a stylization by section, counted operator by operator.

Subjects run untiled, on small images, under a dispatch mode that sees each operator of torch.
Counts extend to any size as those of `bench.profiling.macs` do, and sum to its ``macs_total``.

Bytes are what operators read and write: each operand once, whole, and each result, at the width of
its type. Views move nothing, an expanded operand counts as the tensor before the expansion, and an
in-place operator reads what it changes. Caches are ignored: an operator whose input is in a cache
counts as if it read from memory.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.profiling.handles import (
    BY_INPUT,
    BY_OUTPUT,
    cholesky_macs,
    eigh_macs,
    inverse_macs,
    triangular_macs,
)
from bench.profiling.macs import Countable, count_at
from bench.profiling.uncounted import inside_uncounted
from pcakd.utils.sections import instrument_sections

OTHER = "other"
"""The section of all that lies in no section."""

HAS_UNCOUNTED = "opaque"
"""Marks a section with uncounted operators; part of the file format of records."""

_WHOLE = ("diff",)  # composites that are uncounted in `bench.profiling.macs`

Rule: TypeAlias = Callable[[Sequence[Any], Tensor], int]

_UNTOUCHED = ("detach_", "squeeze_", "unsqueeze_", "transpose_", "t_", "as_strided_", "set_")
_OVERWRITES = ("copy_", "fill_", "zero_")
_UNWRITTEN = ("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided")


def count_sections(subject: Countable, height: int, width: int) -> dict[str, dict[str, int]]:
    """Count a subject's sections at a size, the style as large as the content.

    Args:
        subject: A prepared subject, on the CPU.
        height: In pixels, at least 16.
        width: In pixels, at least 16.

    Returns:
        ``macs`` and ``bytes`` of each section that does anything. A section with uncounted
        operators (`bench.profiling.uncounted`) also has ``opaque``; its counts are lower bounds.

    Raises:
        ValueError: The counts are no bilinear function of the size.
    """

    def count(rows: int, columns: int) -> dict[str, int]:
        counts = _count_operators(subject, rows, columns)
        return {f"{section} {unit}": n for (section, unit), n in counts.items()}

    sections: dict[str, dict[str, int]] = {}
    for name, number in count_at(count, height, width).items():
        section, unit = name.split()
        sections.setdefault(section, {"macs": 0, "bytes": 0})[unit] = number
    return sections


def count_filter(
    apply: Callable[[Tensor, Tensor], Tensor], height: int, width: int
) -> dict[str, int]:
    """Count a filter at a size: its ``macs`` and ``bytes``.

    Args:
        apply: From an image and its guide, ``3 × h × w``, to the filtered image, in operators of
            torch.
        height: In pixels, at least 16.
        width: In pixels, at least 16.
    """

    def count(rows: int, columns: int) -> dict[str, int]:
        image, guide = _make_images(rows, columns)
        # running sums go over all pixels here; subjects only sum over the bins of a histogram
        counter = OperatorCounter(rules={**_RULES, "cumsum": _of_output(1)})
        with instrument_sections(counter.enter), torch.inference_mode(), counter:
            apply(image[0], guide[0])
        return {unit: counter.counts["filter", unit] for unit in ("macs", "bytes")}

    return count_at(count, height, width)


def _count_operators(subject: Countable, height: int, width: int) -> Mapping[tuple[str, str], int]:
    content, style = _make_images(height, width)
    counter = OperatorCounter()
    with instrument_sections(counter.enter), torch.inference_mode(), counter:
        subject.run_untiled(content, style)
    return +counter.counts


def _make_images(height: int, width: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(1, 3, height, width, generator=generator) for _ in range(2)]


class OperatorCounter(TorchDispatchMode):
    """Adds up the multiply-adds and the bytes of each operator that runs within it.

    Args:
        rules: Multiply-adds by operator; None uses those of `bench.profiling.handles`.

    Attributes:
        counts: By section and unit (``macs`` or ``bytes``).
    """

    def __init__(self, rules: Mapping[str, Rule] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._rules = _RULES if rules is None else rules
        self.counts: Counter[tuple[str, str]] = Counter()
        self._open = [OTHER]

    @contextmanager
    def enter(self, section: str) -> Iterator[None]:
        """Count operators as part of a section, for `pcakd.utils.sections.instrument_sections`."""
        self._open.append(section)
        try:
            yield
        finally:
            self._open.pop()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if inside_uncounted():
            self.counts[self._open[-1], HAS_UNCOUNTED] = 1
            return func(*args, **kwargs)
        name = func.name().removeprefix("aten::").split(".")[0]
        if name not in self._rules and name not in _WHOLE:
            with self:  # in inference mode composite operators arrive whole
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        result = func(*args, **kwargs)
        section = self._open[-1]
        self.counts[section, "macs"] += _macs(self._rules, name, args, result)
        self.counts[section, "bytes"] += _bytes(name, args, kwargs, result)
        return result


def _macs(rules: Mapping[str, Rule], name: str, args: Sequence[Any], result: Any) -> int:
    rule = rules.get(name) or rules.get(name.removesuffix("_"))
    if rule is None:
        return 0
    first: Tensor = tree_leaves(result)[0]
    return rule(args, first)


def _bytes(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int:
    written = _tensors(result)
    operands = _tensors((args, {key: each for key, each in kwargs.items() if key != "out"}))
    changes = name.endswith("_") or "out" in kwargs
    if name in _UNTOUCHED or (not changes and _are_views(written, operands)):
        return 0
    read = operands[1:] if name in _OVERWRITES else operands
    return sum(map(_size, read)) + (0 if name in _UNWRITTEN else sum(map(_size, written)))


def _are_views(results: Sequence[Tensor], operands: Sequence[Tensor]) -> bool:
    places = {each.untyped_storage().data_ptr() for each in operands}
    return bool(results) and all(each.untyped_storage().data_ptr() in places for each in results)


def _size(tensor: Tensor) -> int:
    """Return the bytes of a tensor in memory, where an expanded axis has one element."""
    sizes = zip(tensor.shape, tensor.stride(), strict=True)
    return tensor.element_size() * prod(size for size, stride in sizes if stride or not size)


def _tensors(tree: Any) -> list[Tensor]:
    return [each for each in tree_leaves(tree) if isinstance(each, Tensor)]


def _elements(tensor: Tensor) -> int:
    """Return the number of elements; zero for integers, such as sizes."""
    return tensor.numel() if tensor.is_floating_point() else 0


def _of_output(macs: int) -> Rule:
    return lambda args, output: macs * _elements(output)


def _of_input(macs: int) -> Rule:
    return lambda args, output: macs * _elements(args[0])


def _of_product(left: int) -> Rule:
    """Count the inner product of each output element, along the left factor's last axis."""
    return lambda args, output: args[left].shape[-1] * _elements(output)


def _of_convolution(args: Sequence[Any], output: Tensor) -> int:
    """Count each weight at each pixel: of the output, or of the input if it is transposed."""
    image, weight, transposed = args[0], args[1], args[6]
    places = (image if transposed else output).shape[2:]
    return int(len(image) * weight.numel() * prod(places))


def _of_pooling(args: Sequence[Any], output: Tensor) -> int:
    """Count each element of each window."""
    sides = args[1] if len(args[1]) == 2 else 2 * args[1]
    return int(prod(sides)) * _elements(output)


_RULES: Mapping[str, Rule] = {
    **{name: _of_output(1) for name in BY_OUTPUT},
    **{name: _of_input(macs) for name, macs in BY_INPUT.items()},
    "convolution": _of_convolution,
    "mm": _of_product(0),
    "bmm": _of_product(0),
    "mv": _of_product(0),
    "dot": _of_product(0),
    "addmm": _of_product(1),
    "baddbmm": _of_product(1),
    "avg_pool2d": _of_pooling,
    "upsample_bilinear2d": _of_output(4),  # these two as in fvcore
    "upsample_nearest2d": _of_output(1),
    "_linalg_eigh": lambda args, output: eigh_macs(args[0].shape),
    "linalg_inv_ex": lambda args, output: inverse_macs(args[0].shape),
    "linalg_cholesky_ex": lambda args, output: cholesky_macs(args[0].shape),
    "linalg_solve_triangular": lambda args, output: triangular_macs(args[0].shape, args[1].shape),
}
"""Multiply-adds by operator, as in `bench.profiling.handles`; other operators count as zero."""
