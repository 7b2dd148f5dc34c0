"""Content-style pairs in a folder: ``NN_content.*`` and ``NN_style.*``."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pcakd.errors import ConfigError
from pcakd.images import list_images

_ROLE = re.compile(r"(?P<name>.+)_(?P<role>content|style)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A content image and the style image that it is to take on.

    Attributes:
        name: What precedes ``_content`` and ``_style`` in the file names (``"07"``).
        content: The content image file.
        style: The style image file.
    """

    name: str
    content: Path
    style: Path


def shipped_pairs_folder() -> Path:
    """Return the folder of the six pairs that come with the package."""
    return Path(str(files("bench") / "data" / "pairs"))


def find_pairs(folder: Path) -> list[Pair]:
    """List the pairs of a folder in order of their names; other files are passed over.

    Raises:
        ConfigError: No pair in the folder, a partner missing, or two files for one image.
        ImageError: Not a folder, or no image in it.
    """
    roles: dict[str, dict[str, Path]] = {}
    for path in list_images(folder):
        if match := _ROLE.fullmatch(path.stem):
            _add(roles.setdefault(match["name"], {}), match["role"], path)
    if not roles:
        raise ConfigError(
            f"no pairs in {folder}: expected images named NN_content.* and NN_style.*"
        )
    return [_pair(folder, name, roles[name]) for name in sorted(roles)]


def find_results(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return the images of a folder whose stem is one of ``names``, by that name.

    Raises:
        ConfigError: None of the names in the folder, or two files for one name.
        ImageError: Not a folder, or no image in it.
    """
    wanted = sorted(names)
    results: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in wanted:
            _add(results, path.stem, path)
    if not results:
        raise ConfigError(
            f"no results in {folder}: expected images named after the pairs "
            f"({wanted[0]}.* to {wanted[-1]}.*)"
        )
    return results


def _add(files_by_key: dict[str, Path], key: str, path: Path) -> None:
    if key in files_by_key:
        raise ConfigError(
            f"{path.parent} holds two files for one image, {files_by_key[key].name} and "
            f"{path.name}; remove one"
        )
    files_by_key[key] = path


def _pair(folder: Path, name: str, roles: dict[str, Path]) -> Pair:
    for role in ("content", "style"):
        if role not in roles:
            present = next(iter(roles.values())).name
            raise ConfigError(
                f"{folder} holds {present} but no {name}_{role}.*; add it or remove the other"
            )
    return Pair(name=name, content=roles["content"], style=roles["style"])
