"""Further trainings of a subject by other seeds, told by their names. No torch."""

import re
from collections.abc import Iterable

_NAME = re.compile(r"(?P<name>.+)-seed(?P<seed>[0-9]+)(?P<precision>(\+[a-z0-9]+)?)")


def find_trainings(subjects: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Return which subjects are further trainings of another one, with its name and their seed.

    ``NAME-seedN`` is one where ``NAME`` is a subject too; otherwise it stands for itself.

    >>> find_trainings(["vgg16", "vgg16-seed2", "mine-seed1"])
    {'vgg16-seed2': ('vgg16', 2)}
    """
    names = dict.fromkeys(subjects)
    found = {}
    for name in names:
        match = _NAME.fullmatch(name)
        if match and (first := match["name"] + match["precision"]) in names:
            found[name] = first, int(match["seed"])
    return found
