"""Finds the weights of the trained peers, which no wheel has."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.peers import zoo
from bench.peers.storage import PACKED
from pcakd.errors import WeightsError
from pcakd.utils.files import make_folder
from pcakd.weights import FOLDER_VARIABLE, cache_folder, download, weights_folder

FILE = "file"
"""The key of a card that says what file has the weights: ``sha256``, and ``url`` where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """The file of weights that belongs to a card.

    Attributes:
        sha256: Its hash.
        url: Where it can be downloaded; None before it is published.
    """

    sha256: str
    url: str | None


def describe_file(path: Path) -> dict[str, Any]:
    """Return what a card says about a file of weights, under ``FILE``."""
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": _digest(path)}


def find_weights(name: str, *, progress: bool = True) -> Path:
    """Return the file with the weights of a trained peer, the first of these that there is.

    The places are the source tree, the folder in ``PCAKD_WEIGHTS``, the user's cache, and the URL
    in the card, whose file is kept in the cache.

    Args:
        name: As `bench.peers.zoo.list_names` knows it.
        progress: Whether a download shows a progress bar on stderr.

    Raises:
        WeightsError: No place has the file, it cannot be downloaded, or it has another hash than
            the card says.
        OutputError: The cache cannot be written.
    """
    published = _read_card(name)
    file_name = f"{name}{PACKED}"
    own = zoo.find_file(name, PACKED)
    places = (own.parent if isinstance(own, Path) else None, weights_folder(), cache_folder())
    folders = [folder for folder in places if folder is not None]
    for folder in folders:
        if (folder / file_name).is_file():
            return _accept(folder / file_name, published.sha256)
    if published.url is None:
        raise WeightsError(
            f"the weights of {name} are not found: no {file_name} in "
            f"{', '.join(map(str, folders))}; copy it from bench/peers/zoo of the source tree into "
            f"the folder that {FOLDER_VARIABLE} names, or train the peer (`bench train`)"
        )
    target = cache_folder() / file_name
    make_folder(target.parent)
    download(published.url, target, sha256=published.sha256, progress=progress)
    return target


def _read_card(name: str) -> PublishedFile:
    card: Mapping[str, Any] = json.loads(zoo.find_file(name).read_text(encoding="utf-8"))
    file = card[FILE]
    return PublishedFile(sha256=file["sha256"], url=file.get("url"))


def _accept(path: Path, sha256: str) -> Path:
    if _digest(path) != sha256:
        raise WeightsError(
            f"{path} is not the file of this release (SHA-256 {sha256[:12]}…); delete it, or "
            "replace it by that of the source tree"
        )
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
