"""Finds the weights of the trained peers, which no wheel has."""

import hashlib
import json
import re
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


_SHA256 = re.compile("[0-9a-f]{64}")


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
    in the card, whose file is kept in the cache. A file of another hash is an error, but for one in
    the cache that can be downloaded anew: an earlier release may have left it.

    Args:
        name: As `bench.peers.zoo.list_names` knows it.
        progress: Whether a download shows a progress bar on stderr.

    Raises:
        WeightsError: No place has the file, it cannot be read or downloaded, it has another hash
            than the card says, or the card names no file.
        OutputError: The cache cannot be written.
    """
    published = _read_card(name)
    file_name = f"{name}{PACKED}"
    own = zoo.find_file(name, PACKED)
    cache = cache_folder()
    places = (own.parent if isinstance(own, Path) else None, weights_folder(), cache)
    folders = [folder for folder in places if folder is not None]
    for folder in folders:
        path = folder / file_name
        if not path.is_file():
            continue
        found = _digest(path)
        if found == published.sha256:
            return path
        if folder != cache or published.url is None:
            raise WeightsError(
                f"{path} has SHA-256 {found[:12]}…, expected {published.sha256[:12]}…; replace it "
                "by the file of this version"
            )
    if published.url is None:
        raise WeightsError(
            f"the weights of {name} are not found: no {file_name} in "
            f"{', '.join(map(str, folders))}; copy it from bench/peers/zoo of the repository into "
            f"the folder that {FOLDER_VARIABLE} names, or train the peer (`bench train`) and name "
            "the file as the subject"
        )
    make_folder(cache)
    download(published.url, cache / file_name, sha256=published.sha256, progress=progress)
    return cache / file_name


def _read_card(name: str) -> PublishedFile:
    """Read which file belongs to a card.

    Raises:
        WeightsError: The card cannot be read, or names no file.
    """
    card = zoo.find_file(name)
    try:
        file = json.loads(card.read_text(encoding="utf-8"))[FILE]
        sha256, url = file["sha256"], file.get("url")
        known = _SHA256.fullmatch(sha256) is not None and isinstance(url, str | None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        known = False
    if not known:
        raise WeightsError(f"{card} does not say which file has the weights; reinstall the package")
    return PublishedFile(sha256=sha256, url=url)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error})") from error
