"""Named regions of a computation, for whoever wants to know where time and memory go.

Nothing happens in a region unless somebody watches: ``with watch_sections(enter)`` sets what is
called on the way into and out of each one. Regions nest (``eigh`` lies within ``transform``).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal, TypeAlias

SectionName = Literal["encode", "covariance", "eigh", "transform", "decode", "filter"]
Enter: TypeAlias = Callable[[SectionName], AbstractContextManager[object]]

_watcher: ContextVar[Enter | None] = ContextVar("watcher", default=None)


def section(name: SectionName) -> AbstractContextManager[object]:
    """Mark what runs inside as part of a stage of stylization."""
    enter = _watcher.get()
    return nullcontext() if enter is None else enter(name)


@contextmanager
def watch_sections(enter: Enter) -> Iterator[None]:
    """Have ``enter(name)`` make the context that each region runs in, in this thread."""
    token = _watcher.set(enter)
    try:
        yield
    finally:
        _watcher.reset(token)
