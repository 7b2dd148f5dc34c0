"""Content-style pairs in a folder: ``NN_content.*`` and ``NN_style.*``."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from bench.plan.image_pairs import ImagePair
from bench.quality.sizes import MIN_CONTENT_SIDE, MIN_STYLE_SIDE, fitted_size
from pcakd.errors import ConfigError, ShapeError
from pcakd.images import list_images, load_image

_ROLE = re.compile(r"(?P<name>.+)_(?P<role>content|style)")


def shipped_pairs_folder() -> Path:
    """Return the folder of the six pairs that come with the package."""
    return Path(str(files("bench") / "data" / "pairs"))


def find_pairs(folder: Path) -> list[ImagePair]:
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


def describe_pair(pair: ImagePair, max_side: int) -> ImagePair:
    """Read a pair's files, whole, and return what cases say of it.

    Args:
        pair: The pair.
        max_side: What both images are made smaller to before they are scored; 0 is native size.

    Raises:
        ImageError: A file cannot be read.
        ShapeError: An image would be scored at too small a size.
    """
    sizes = {}
    digest = hashlib.sha256()
    for role, path, least in (
        ("content", pair.content, MIN_CONTENT_SIDE),
        ("style", pair.style, MIN_STYLE_SIDE),
    ):
        height, width = load_image(path).shape[-2:]
        width, height = sizes[role] = fitted_size(width, height, max_side)
        if min(width, height) < least:
            raise ShapeError(
                f"pair {pair.name}: the {role} would be scored at {width}x{height} px, "
                f"at least {least}x{least} are needed; use a larger one"
            )
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    width, height = sizes["content"]
    return replace(pair, hash=digest.hexdigest(), width=width, height=height)


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


def find_others(folder: Path, results: Mapping[str, Path]) -> list[str]:
    """Return the names of the images of a folder that are no results, in order.

    Raises:
        ImageError: Not a folder, or no image in it.
    """
    return sorted(path.name for path in list_images(folder) if path not in results.values())


def _add(files_by_key: dict[str, Path], key: str, path: Path) -> None:
    if key in files_by_key:
        raise ConfigError(
            f"{path.parent} holds two files for one image, {files_by_key[key].name} and "
            f"{path.name}; remove one"
        )
    files_by_key[key] = path


def _pair(folder: Path, name: str, roles: dict[str, Path]) -> ImagePair:
    for role in ("content", "style"):
        if role not in roles:
            present = next(iter(roles.values())).name
            raise ConfigError(
                f"{folder} holds {present} but no {name}_{role}.*; add it or remove the other"
            )
    return ImagePair(name=name, content=roles["content"], style=roles["style"])
