"""Finds and reads the image pairs of a folder: ``NN_content.*`` and ``NN_style.*``."""

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
    """Return the folder of the six image pairs in this package."""
    return Path(str(files("bench") / "data" / "pairs"))


def find_pairs(folder: Path) -> list[ImagePair]:
    """List the image pairs of a folder, sorted by name; other files are ignored.

    Raises:
        ConfigError: The folder has no image pair, a content or style image is missing, or two files
            have the name of one image.
        ImageError: The folder does not exist or has no image.
    """
    roles: dict[str, dict[str, Path]] = {}
    for path in list_images(folder):
        if match := _ROLE.fullmatch(path.stem):
            _add(roles.setdefault(match["name"], {}), match["role"], path)
    if not roles:
        raise ConfigError(
            f"no image pairs in {folder}: expected images named NN_content.* and NN_style.*"
        )
    return [_pair(folder, name, roles[name]) for name in sorted(roles)]


def describe_pair(pair: ImagePair, max_side: int) -> ImagePair:
    """Read the files of an image pair and add its hash and size.

    Args:
        pair: The image pair.
        max_side: Longest side in pixels that both images are downscaled to before they are
            measured; 0 is native size.

    Raises:
        ImageError: A file cannot be read.
        ShapeError: An image is too small, or would be after downscaling.
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
                f"image pair {pair.name}: the {role} would be measured at {width}x{height} px, "
                f"at least {least}x{least} are needed; use a larger one"
            )
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    width, height = sizes["content"]
    return replace(pair, hash=digest.hexdigest(), width=width, height=height)


def find_results(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return the images of a folder whose stem is one of ``names``, by this name.

    Raises:
        ConfigError: The folder has none of the names, or two files for one name.
        ImageError: The folder does not exist or has no image.
    """
    wanted = sorted(names)
    results: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in wanted:
            _add(results, path.stem, path)
    if not results:
        raise ConfigError(
            f"no results in {folder}: expected images named after the image pairs "
            f"({wanted[0]}.* to {wanted[-1]}.*)"
        )
    return results


def find_others(folder: Path, results: Mapping[str, Path]) -> list[str]:
    """Return the names of the images of a folder that are not results, sorted.

    Raises:
        ImageError: The folder does not exist or has no image.
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
