"""Repeated trainings of a subject, recognised by their names. No torch."""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

_NAME = re.compile(
    r"(?P<name>.+)-(?:seed(?P<seed>[0-9]+)|on-(?P<on>[A-Za-z0-9_.-]+))"
    r"(?P<suffix>(\+[a-z0-9]+)?(>lut[0-9]+)?(\|[a-z]+)?)"
)

Moved = Literal["seed", "on"]


class Training(NamedTuple):
    """A repeated training of a subject.

    Attributes:
        subject: The subject that was trained again.
        moved: What differs: ``seed``, or ``on`` for another machine or other photographs.
        label: The seed, the machine or the photographs.
    """

    subject: str
    moved: Moved
    label: str


def find_trainings(subjects: Iterable[str]) -> dict[str, Training]:
    """Return the subjects that are repeated trainings of another subject.

    These are ``NAME-seedN`` and ``NAME-on-WHAT`` where ``NAME`` is a subject and not a repeated
    training itself.

    >>> find_trainings(["vgg16|guided", "vgg16-seed2|guided", "mine-seed1"])
    {'vgg16-seed2|guided': Training(subject='vgg16|guided', moved='seed', label='2')}
    """
    names = dict.fromkeys(subjects)
    found: dict[str, Training] = {}
    for name in sorted(names, key=len):  # a repeated training has a longer name
        match = _NAME.fullmatch(name)
        if match and (first := match["name"] + match["suffix"]) in names and first not in found:
            moved: Moved = "seed" if match["seed"] else "on"
            found[name] = Training(first, moved, match[moved])
    return found
