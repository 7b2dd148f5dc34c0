"""Reads pickles of NumPy arrays with an unpickler that accepts no other type."""

import pickle
from typing import IO, Any

import numpy as np

from pcakd.errors import WeightsError

_RECONSTRUCT: Any = np.empty(0).__reduce__()[0]  # NumPy 2 renamed its module
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}") from None


def load_arrays(stream: IO[bytes], *, name: str) -> dict[str, np.ndarray]:
    """Read a pickle of nested dictionaries of numeric NumPy arrays.

    Args:
        stream: The pickle.
        name: Its name in error messages.

    Returns:
        The arrays by their keys, joined by ``/``.

    Raises:
        WeightsError: The pickle is broken or contains other types.
    """
    try:
        tree = _ArrayUnpickler(stream).load()
    except Exception as error:  # a broken pickle can raise anything
        raise WeightsError(f"{name} is not a pickle of NumPy arrays ({error}); refused") from error
    arrays: dict[str, np.ndarray] = {}
    _flatten(tree, "", arrays, name)
    return arrays


def _flatten(tree: object, prefix: str, arrays: dict[str, np.ndarray], name: str) -> None:
    if isinstance(tree, dict):
        for key, value in tree.items():
            _flatten(value, f"{prefix}/{key}" if prefix else str(key), arrays, name)
    elif isinstance(tree, np.ndarray) and tree.dtype.kind in "fiu":
        arrays[prefix] = tree
    else:
        raise WeightsError(
            f"{name} holds {type(tree).__name__} at {prefix!r}, not numbers; refused"
        )
