"""The students that ship with the package, each with its card (JSON) and losses. No torch.

A name stands for the current version of a student; ``NAME@N`` stands for version N, so that earlier
results can be repeated. The current version lies in ``NAME.safetensors``, any other one in
``NAME@N.safetensors``.
"""

import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

CURRENT: Mapping[str, int] = {
    "mobilenet_v1": 2,
    "mobilenet_v1-m": 1,
    "mobilenet_v1-s": 1,
    "vgg16": 2,
}
"""The version that each name stands for."""

_SUFFIX = ".safetensors"
_VERSIONED = re.compile(r"(?P<name>.+)@(?P<version>[1-9][0-9]*)")


def list_names(*, versions: bool = False) -> tuple[str, ...]:
    """Return the names of all students, or with ``versions`` those of all their versions."""
    if not versions:
        return tuple(sorted(CURRENT))
    names = (entry.name for entry in _folder().iterdir())
    stems = [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]
    return tuple(sorted(f"{each}@{CURRENT[each]}" if each in CURRENT else each for each in stems))


def is_name(text: str) -> bool:
    """Return whether a text names a student or a version of one."""
    return text in CURRENT or text in list_names(versions=True)


def split_version(name: str) -> tuple[str, int | None]:
    """Split ``NAME@N``; a name without a version has None.

    >>> split_version("vgg16@2"), split_version("vgg16")
    (('vgg16', 2), ('vgg16', None))
    """
    match = _VERSIONED.fullmatch(name)
    return (match["name"], int(match["version"])) if match else (name, None)


def find_file(name: str, suffix: str = _SUFFIX) -> Traversable:
    """Return the file of a student, which need not exist.

    Args:
        name: ``NAME`` or ``NAME@N``.
        suffix: What the file's name ends with: ``.json`` for the card, ``.losses.csv`` for losses.
    """
    plain, version = split_version(name)
    if version is not None and CURRENT.get(plain) == version:
        name = plain
    return _folder() / f"{name}{suffix}"


def _folder() -> Traversable:
    return files("pcakd.zoo")
