"""Functions of other packages by name, ``package.module:function``."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from pcakd.errors import ConfigError, UnknownNameError

PREFIX = "python:"
"""What names of networks of other packages begin with."""

EXAMPLE = f"{PREFIX}package.module:factory"


def import_factory(label: str, text: str, *, program: str) -> Callable[[], Any]:
    """Import a function.

    Args:
        label: What it makes, for error messages: ``subject 'python:toy.models:create'``.
        text: ``package.module:function``.
        program: The module that ``python -m`` starts, which finds modules of the current folder.

    Raises:
        UnknownNameError: The module or the function does not exist.
        ConfigError: The text has another form, or the module fails at its import.
    """
    module_name, _, attribute = text.partition(":")
    if not module_name or not attribute:
        raise ConfigError(f"{label} names no factory; write {EXAMPLE}")
    try:
        found: Any = import_module(module_name)
    except ImportError as error:
        raise UnknownNameError(
            f"{label}: {module_name} cannot be imported: {error}; install it, or run "
            f"`python -m {program}` in its folder"
        ) from error
    except Exception as error:
        raise ConfigError(
            f"{label}: {module_name} failed at its import: {describe_error(error)}"
        ) from error
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise UnknownNameError(f"{label}: {module_name} has no function {attribute!r}")
    factory: Callable[[], Any] = found
    return factory


def call_factory(label: str, factory: Callable[[], Any]) -> Any:
    """Call a factory, which can raise anything.

    Raises:
        ConfigError: It failed.
    """
    try:
        return factory()
    except Exception as error:
        raise ConfigError(f"{label}: its factory failed: {describe_error(error)}") from error


def describe_error(error: Exception) -> str:
    """Return an error's type and text in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
