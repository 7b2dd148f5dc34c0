"""Further trainings of a subject, told by their names. No torch."""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

_NAME = re.compile(
    r"(?P<name>.+)-(?:seed(?P<seed>[0-9]+)|on-(?P<on>[A-Za-z0-9_.-]+))(?P<precision>(\+[a-z0-9]+)?)"
)

Moved = Literal["seed", "on"]


class Training(NamedTuple):
    """A further training of a subject.

    Attributes:
        subject: That was trained once more.
        moved: What was another this time: the seed, or what it was trained on.
        label: Which seed, or on which machine or photographs.
    """

    subject: str
    moved: Moved
    label: str


def find_trainings(subjects: Iterable[str]) -> dict[str, Training]:
    """Return which subjects are further trainings of another one.

    ``NAME-seedN`` and ``NAME-on-WHAT`` are where ``NAME`` is a subject too, and no further training
    itself; otherwise such a name stands for itself.

    >>> find_trainings(["vgg16", "vgg16-seed2", "mine-seed1"])
    {'vgg16-seed2': Training(subject='vgg16', moved='seed', label='2')}
    """
    names = dict.fromkeys(subjects)
    found: dict[str, Training] = {}
    for name in sorted(names, key=len):  # a name is longer than that of what it trains again
        match = _NAME.fullmatch(name)
        if match and (first := match["name"] + match["precision"]) in names and first not in found:
            moved: Moved = "seed" if match["seed"] else "on"
            found[name] = Training(first, moved, match[moved])
    return found
