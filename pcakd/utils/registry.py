"""Registries: entries by name, with error messages that suggest the nearest name."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Generic, TypeVar

from pcakd.errors import UnknownNameError

T = TypeVar("T")


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return an error that names the nearest known name and all known names.

    >>> print(unknown_name("backbone", "vgg18", ["vgg19", "mobilenet_v1"]))
    backbone 'vgg18' is not known; did you mean 'vgg19'? Known: mobilenet_v1, vgg19
    """
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return UnknownNameError(f"{kind} {name!r} is not known{hint} Known: {', '.join(names)}")


class Registry(Generic[T]):
    """A table of entries by name, filled by explicit calls of ``register``.

    Attributes:
        kind: What the names stand for, as error messages call it (``"backbone"``).
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str, entry: T) -> T:
        """Add ``entry`` under ``name``.

        Raises:
            ValueError: The name is taken.
        """
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        self._entries[name] = entry
        return entry

    def get(self, name: str) -> T:
        """Return the entry called ``name``.

        Raises:
            UnknownNameError: No entry has that name.
        """
        try:
            return self._entries[name]
        except (KeyError, TypeError):  # a list, say, cannot be looked up
            raise unknown_name(self.kind, name, self._entries) from None

    def names(self) -> tuple[str, ...]:
        """Return the known names in order of registration."""
        return tuple(self._entries)
