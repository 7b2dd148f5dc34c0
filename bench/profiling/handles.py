"""Handles for the operators that fvcore counts as zero.

fvcore's own handles count convolutions, matrix products (such as covariances) and bilinear
upsampling (4 multiply-adds an output). Ours count arithmetic at one multiply-add an element.
Operators that compare, select, copy or pad are listed as uncounted, with their number of calls.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias

Handle: TypeAlias = Callable[[Sequence[Any], Sequence[Any]], Counter[str]]

UNCOUNTED = "uncounted "
"""Prefix of the names under which handles report calls instead of multiply-adds."""

_FLOATS = frozenset({"Half", "BFloat16", "Float", "Double"})
BY_OUTPUT = ("add", "sub", "rsub", "mul", "div", "pow", "sqrt", "rsqrt", "square", "outer")
"""Operators of one multiply-add for each element of their output."""
BY_INPUT = {"sum": 1, "mean": 1, "var": 2, "std": 2, "var_mean": 2, "std_mean": 2}
"""Multiply-adds for each element of the input, for reductions."""
_UNCOUNTED_OPERATORS = (
    "cat", "clamp", "clamp_max", "clamp_min", "clone", "constant_pad_nd", "copy", "ge", "gt", "le",
    "lt", "masked_fill", "max_pool2d", "pad", "reflection_pad2d", "relu", "replication_pad2d",
    "stack", "to", "where",
)  # fmt: skip
_VIEWS = (
    "diagonal",
    "linalg_diagonal",
    "mT",
    "matrix_H",
    "numpy_T",
    "lift_fresh",
    "alias",
    "view_as",
)


def create_handles() -> dict[str, Handle | None]:
    """Return our handles by operator; None marks a view, which costs nothing."""
    handles: dict[str, Handle | None] = {f"aten::{name}": None for name in _VIEWS}
    for name in BY_OUTPUT:
        handles |= _both(name, _count_output(name))
    for name, cost in BY_INPUT.items():
        handles |= _both(name, _count_input(name, cost))
    for name in _UNCOUNTED_OPERATORS:
        handles |= _both(name, _count_call(name))
    handles["aten::matmul"] = _count_matmul
    handles["aten::avg_pool2d"] = _count_avg_pool
    handles["aten::linalg_eigh"] = _count_eigh
    handles["aten::linalg_inv"] = _count_inverse
    handles["aten::linalg_cholesky_ex"] = _count_cholesky
    handles["aten::linalg_solve_triangular"] = _count_triangular
    return handles


def _both(name: str, handle: Handle) -> dict[str, Handle | None]:
    """Map an operator and its in-place form to a handle."""
    return {f"aten::{name}": handle, f"aten::{name}_": handle}


def _count_output(name: str) -> Handle:
    def count(inputs: Sequence[Any], outputs: Sequence[Any]) -> Counter[str]:
        return Counter({name: _float_elements(outputs[0])})

    return count


def _count_input(name: str, cost: int) -> Handle:
    def count(inputs: Sequence[Any], outputs: Sequence[Any]) -> Counter[str]:
        return Counter({name: cost * _float_elements(inputs[0])})

    return count


def _count_call(name: str) -> Handle:
    def count(inputs: Sequence[Any], outputs: Sequence[Any]) -> Counter[str]:
        return Counter({UNCOUNTED + name: 1})

    return count


def _count_matmul(inputs: Sequence[Any], outputs: Sequence[Any]) -> Counter[str]:
    """Count the inner product of each output element; fvcore's own handle fails on vectors."""
    return Counter({"matmul": _sizes(inputs[0])[-1] * _float_elements(outputs[0])})


def _count_avg_pool(inputs: Sequence[Any], outputs: Sequence[Any]) -> Counter[str]:
    """Count each element of each window."""
    window = prod(side.toIValue() for side in inputs[1].node().inputs())
    return Counter({"avg_pool2d": window * _float_elements(outputs[0])})


def _count_eigh(inputs: Sequence[Any], outputs: Sequence[Any]) -> Counter[str]:
    return Counter({"linalg_eigh": eigh_macs(_sizes(inputs[0]))})


def eigh_macs(sizes: Sequence[int]) -> int:
    """Count 9/2 n³ multiply-adds: eigenvalues and eigenvectors of a symmetric matrix.

    Source: Golub and Van Loan, "Matrix Computations", 4th edition, section 8.3: about 9 n³ flops
        for tridiagonalisation and the symmetric QR algorithm with accumulated vectors.
    """
    *batch, side, _ = sizes
    return prod(batch) * 9 * side**3 // 2


def _count_inverse(inputs: Sequence[Any], outputs: Sequence[Any]) -> Counter[str]:
    return Counter({"linalg_inv": inverse_macs(_sizes(inputs[0]))})


def inverse_macs(sizes: Sequence[int]) -> int:
    """Count n³ multiply-adds."""
    *batch, side, _ = sizes
    return prod(batch) * side**3


def _count_cholesky(inputs: Sequence[Any], outputs: Sequence[Any]) -> Counter[str]:
    return Counter({"linalg_cholesky": cholesky_macs(_sizes(inputs[0]))})


def cholesky_macs(sizes: Sequence[int]) -> int:
    """Count n³ / 6 multiply-adds, rounded up.

    Source: Golub and Van Loan, "Matrix Computations", 4th edition, section 4.2: n³ / 3 flops.
    """
    *batch, side, _ = sizes
    return prod(batch) * -(-(side**3) // 6)


def _count_triangular(inputs: Sequence[Any], outputs: Sequence[Any]) -> Counter[str]:
    return Counter({"linalg_solve_triangular": triangular_macs(*map(_sizes, inputs[:2]))})


def triangular_macs(matrix: Sequence[int], right: Sequence[int]) -> int:
    """Count n / 2 multiply-adds for each element of the right side, rounded up.

    Args:
        matrix: Sizes of the triangular matrix, n × n.
        right: Sizes of the right side.
    """
    return -(-prod(right) * matrix[-1] // 2)


def _sizes(value: Any) -> list[int]:
    """Return the sizes of a traced value."""
    return list(value.type().sizes() or ()) if value.isCompleteTensor() else []


def _float_elements(value: Any) -> int:
    """Return the number of elements of a traced tensor; zero for integers, such as sizes."""
    if not value.isCompleteTensor() or value.type().scalarType() not in _FLOATS:
        return 0
    return prod(_sizes(value))
