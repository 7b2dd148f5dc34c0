"""Named sections of a stylization, for profilers.

Code marks what it does with ``with section("encode"):``, at no cost. A profiler sets with
:func:`instrument_sections` the context that each section runs in. Sections nest (``eigh`` lies
within ``transform``).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal, TypeAlias

SectionName = Literal["encode", "covariance", "eigh", "transform", "decode", "filter"]
Enter: TypeAlias = Callable[[SectionName], AbstractContextManager[object]]

_profiler: ContextVar[Enter | None] = ContextVar("profiler", default=None)


def section(name: SectionName) -> AbstractContextManager[object]:
    """Return the context of a section; it does nothing unless a profiler has set one."""
    enter = _profiler.get()
    return nullcontext() if enter is None else enter(name)


@contextmanager
def instrument_sections(enter: Enter) -> Iterator[None]:
    """Run each section within ``enter(name)``, in this thread, as long as the context lasts."""
    token = _profiler.set(enter)
    try:
        yield
    finally:
        _profiler.reset(token)
