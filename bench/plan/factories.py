"""Names of subjects of other packages: ``python:module:factory`` and entry points. No torch."""

import re
import sys
from collections.abc import Iterable
from importlib.metadata import entry_points

from pcakd.utils.factories import PREFIX

GROUP = "bench.subjects"
"""Group of entry points; the value of one is ``package.module:factory``."""


def list_entry_points() -> tuple[str, ...]:
    """List the subjects that installed packages offer; nothing is imported."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def find_factory(name: str) -> str | None:
    """Return ``module:factory`` of a subject of another package; None for any other name.

    >>> find_factory("python:toy.models:create"), find_factory("vgg16")
    ('toy.models:create', None)
    """
    if name.startswith(PREFIX):
        return name.removeprefix(PREFIX)
    return next((point.value for point in entry_points(group=GROUP, name=name)), None)


def find_factories(names: Iterable[str]) -> dict[str, str]:
    """Return ``module:factory`` of the subjects of other packages, by their names.

    What follows a name, such as a precision or a filter, is left out.

    >>> find_factories(["python:toy.models:create+bf16@ot|guided", "vgg16@zca"])
    {'python:toy.models:create': 'toy.models:create'}
    """
    plain = dict.fromkeys(re.split(r"[+@>|]", name)[0] for name in names)
    return {name: factory for name in plain if (factory := find_factory(name))}


def announce_imports(names: Iterable[str]) -> None:
    """Say on standard error which modules subjects of other packages come from.

    Commands call it before such a module is imported.
    """
    for name, factory in find_factories(names).items():
        announce_import(name, factory)


def announce_import(name: str, factory: str) -> None:
    """Say on standard error which module a subject comes from."""
    sys.stderr.write(f"importing {factory.partition(':')[0]} for subject {name}\n")
