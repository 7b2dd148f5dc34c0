"""Optional libraries: which extra of this project installs each, and an error that names it.

Modules of `pcakd` import optional libraries inside functions, after `require_extra`, so that the
core runs without them.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Literal

from pcakd.errors import MissingExtraError

Extra = Literal["filter", "train", "analyze", "bench", "onnx", "ray", "timm", "tf"]

EXTRAS: Mapping[Extra, tuple[str, ...]] = MappingProxyType(
    {
        "filter": ("cv2",),
        "train": (
            *("filelock", "h5py", "imagehash", "pip", "platformdirs", "tensorboard"),
            *("tensorly", "torchvision"),
        ),
        "analyze": ("matplotlib", "scipy"),
        "bench": (
            *("DISTS_pytorch", "fvcore", "jinja2", "lpips", "pandas"),
            *("piq", "psutil", "pydantic", "pymoo", "ruptures", "skimage"),
        ),
        "onnx": ("onnx", "onnxruntime"),
        "ray": ("ray",),
        "timm": ("timm",),
        "tf": ("tensorflow",),
    }
)
"""The modules that each extra of ``pyproject.toml`` brings."""

_INCLUDES: Mapping[Extra, tuple[Extra, ...]] = MappingProxyType(
    {
        "analyze": ("train",),
        "bench": ("filter", "train", "analyze"),
        "onnx": ("filter", "train", "analyze", "bench"),
        "ray": ("filter", "train", "analyze", "bench"),
    }
)


def require_extra(extra: Extra, module: str, purpose: str) -> Any:
    """Import a module of an optional library.

    Args:
        extra: The extra that installs it.
        module: Its full name.
        purpose: What needs it, for the error message.

    Raises:
        MissingExtraError: It is not installed, or cannot be imported.

    >>> require_extra("filter", "no_such_library", "--guided-filter")
    Traceback (most recent call last):
    pcakd.errors.MissingExtraError: no_such_library is needed for --guided-filter; install the \
extra 'filter': pip install '.[filter]' in the clone, or 'pca-kd-bench[filter]'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise _missing(extra, module, purpose) from error
    except ImportError as error:  # for example a system library that it needs
        reason = " ".join(str(error).split())
        raise MissingExtraError(
            f"{module} is needed for {purpose} and cannot be imported ({reason}); {_advice(extra)}"
        ) from error


def check_extra(extra: Extra, purpose: str) -> None:
    """Check that all libraries of an extra are installed, without importing them.

    Args:
        extra: The extra; those that it includes are checked too.
        purpose: What needs it, for the error message.

    Raises:
        MissingExtraError: One of them is not installed.
    """
    for each in (*_INCLUDES.get(extra, ()), extra):
        for module in EXTRAS[each]:
            if not _is_installed(module):
                raise _missing(extra, module, purpose)


def _is_installed(module: str) -> bool:
    if module == "pip" and module not in sys.modules:
        # setuptools takes a plain search for pip as a start of pip, and breaks its later import
        return PathFinder.find_spec(module) is not None
    return find_spec(module) is not None


def _missing(extra: Extra, module: str, purpose: str) -> MissingExtraError:
    return MissingExtraError(f"{module} is needed for {purpose}; {_advice(extra)}")


def _advice(extra: Extra) -> str:
    return (
        f"install the extra {extra!r}: pip install '.[{extra}]' in the clone, or "
        f"'pca-kd-bench[{extra}]'"
    )
