"""Folders of images."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pcakd.errors import ImageError
from pcakd.images.formats import READ_SUFFIXES


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of a folder.

    Attributes:
        images: Files whose suffix is an image format that is read, sorted.
        others: The other files, and folders that cannot be entered, sorted.
    """

    images: list[Path]
    others: list[Path]


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """List the image files that lie directly in ``folder``, by suffix, sorted by name.

    Hidden files are left out; no file is opened.

    Raises:
        ImageError: ``folder`` is missing, not a folder, unreadable or holds no image.
    """
    images = scan_folder(folder).images
    if not images:
        raise ImageError(
            f"{folder} holds no image; expected files ending in {' '.join(READ_SUFFIXES)}"
        )
    return images


def pick_evenly(paths: Sequence[Path], most: int) -> list[Path]:
    """Return at most so many paths, evenly spaced from the first to the last.

    >>> [path.name for path in pick_evenly([Path(name) for name in "abcde"], 3)]
    ['a', 'c', 'e']
    """
    if len(paths) <= most:
        return list(paths)
    step = (len(paths) - 1) / max(1, most - 1)
    return [paths[round(number * step)] for number in range(most)]


def scan_folder(
    folder: str | os.PathLike[str], *, recursive: bool = False, skip: Path | None = None
) -> Listing:
    """List the files of a folder. Hidden files and hidden folders are left out.

    Args:
        folder: The folder.
        recursive: Whether to list the folders inside it too; links to folders are not followed.
        skip: A folder inside it that is left out.

    Raises:
        ImageError: ``folder`` is missing, not a folder or unreadable.
    """
    folder = Path(folder)
    if not folder.is_dir():
        state = "is not a folder" if folder.exists() else "does not exist"
        raise ImageError(f"{folder} {state}; give a folder of images")
    images, others = [], []
    for entry in _entries(folder):
        if entry.is_dir():
            if recursive and not entry.is_symlink() and not _is_same(entry, skip):
                inner = _scan_inner(entry, skip)
                images += inner.images
                others += inner.others
        elif entry.suffix.lower() in READ_SUFFIXES and entry.is_file():
            images.append(entry)
        else:
            others.append(entry)
    return Listing(images=images, others=others)


def _scan_inner(folder: Path, skip: Path | None) -> Listing:
    try:
        return scan_folder(folder, recursive=True, skip=skip)
    except ImageError:  # one closed folder does not stop the others
        return Listing(images=[], others=[folder])


def _entries(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise ImageError(f"cannot list {folder}: {error.strerror or error}") from error
    return [entry for entry in entries if not entry.name.startswith(".")]


def _is_same(folder: Path, other: Path | None) -> bool:
    return other is not None and other.exists() and folder.samefile(other)
