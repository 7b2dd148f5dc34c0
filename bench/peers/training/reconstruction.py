"""How well a peer's decoder reconstructs photographs, while it is trained and afterwards."""

import csv
import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from bench.peers.vgg import STRIDE
from pcakd.blocks import Autoencoder
from pcakd.coarse_to_fine import prepare_image, require_min_size
from pcakd.distillation.data.photos import Photos, require_other_folder
from pcakd.distillation.trainer import Step
from pcakd.errors import OutputError, TrainingError
from pcakd.images import load_image
from pcakd.images.folders import list_images, pick_evenly
from pcakd.tiling import run_tiled
from pcakd.utils.files import write_text

FILE = "psnr.csv"
"""Name of the file in a training's folder."""

PARTS = 6
"""PSNR is measured after each sixth of a block's steps."""

_PHOTOS = 24  # that are reconstructed while a block is trained
_PROTOCOL = (
    "PSNR in dB of the image decoded from a level, without a transform, clipped to [0, 1], at "
    "native size; squared errors averaged over pixels and channels, then PSNR over photographs"
)
_COLUMNS = ("block", "step", "psnr")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValPhotos:
    """Photographs that a training does not see.

    Attributes:
        paths: Their files, by name.
        digest: SHA-256 of all of them; None if there are none.
    """

    paths: Sequence[Path] = ()
    digest: str | None = None


def read_val(folder: Path, photos: Photos, *, output: Path) -> ValPhotos:
    """Check photographs for the measurement before a training starts.

    Args:
        folder: Their folder.
        photos: The photographs of the training.
        output: The folder of the training.

    Raises:
        ImageError: The folder holds no image, or a file cannot be read.
        ShapeError: A photograph is smaller than 16 × 16 pixels.
        TrainingError: The folder is that of the training, or a file is one of its photographs.
    """
    require_other_folder(folder, output)
    paths = list_images(folder)
    seen = {_hash(path) for path in (*photos.training, *photos.held_out)}
    digests = []
    for path in paths:
        require_min_size(f"validation ({path})", load_image(path))
        digests.append(_hash(path))
        if digests[-1] in seen:
            raise TrainingError(f"{path} is also a photograph of the training; remove it from one")
    return ValPhotos(paths=paths, digest=hashlib.sha256("".join(digests).encode()).hexdigest())


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@torch.inference_mode()
def reconstruct(
    network: Autoencoder, photo: Float[Tensor, "3 h w"], level: int
) -> Float[Tensor, "3 h w"]:
    """Encode a photograph to a level and decode it, without a transform.

    Args:
        network: The autoencoder.
        photo: RGB in [0, 1], at least 16 × 16, on the network's device.
        level: The tap, 1 to 4, from which it is decoded.

    Returns:
        RGB clipped to [0, 1].
    """
    features = prepare_image("reconstructed", photo, STRIDE)
    sources = []
    for block in range(1, level + 1):
        features, source = network.encode_block(block, features, run=run_tiled)
        sources.append(source)
    for block in range(level, 0, -1):
        features = network.decode_block(block, features, sources.pop(), run=run_tiled)
    height, width = photo.shape[-2:]
    return features[0, :, :height, :width].clamp(0.0, 1.0)


def measure_psnr(network: Autoencoder, photos: Sequence[Path], level: int) -> float:
    """Return the PSNR of reconstructions from a level at native size, in dB: the photographs' mean.

    That of a photograph is -10 log10 of the squared error over pixels and channels; a perfect
    reconstruction has an infinite one.
    """
    device = next(network.parameters()).device
    values = []
    for path in photos:
        photo = load_image(path).to(device)
        error = float((reconstruct(network, photo, level) - photo).square().mean())
        values.append(-10.0 * math.log10(error) if error else math.inf)
    return sum(values) / len(values)


class ReconstructionLog:
    """Measures PSNR after parts of each block's steps and keeps it in a CSV file.

    Args:
        val: Photographs that the training does not see; without any, nothing is measured.
        steps: Steps of blocks 1 to 4.
        folder: Folder of the training.
    """

    def __init__(self, val: ValPhotos, *, steps: Sequence[int], folder: Path) -> None:
        self._photos, self._few = val.paths, pick_evenly(val.paths, _PHOTOS)
        self._digest = val.digest
        self._path = folder / FILE
        self._places = {
            block: {math.ceil(count * part / PARTS) for part in range(1, PARTS + 1)}
            for block, count in enumerate(steps, start=1)
        }

    def clear(self) -> None:
        """Forget what a training that left no checkpoint has measured.

        Raises:
            OutputError: The file cannot be deleted.
        """
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self._path} cannot be deleted ({error}); delete it") from error

    def note(self, step: Step) -> None:
        """Measure if a part of a block's steps ends with this one.

        Raises:
            PcakdError: A photograph cannot be read, or the file cannot be written.
        """
        if not self._photos or step.number not in self._places.get(step.block, ()):
            return
        rows = self.read()
        rows[step.block, step.number] = measure_psnr(step.network, self._few, step.block)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows((*key, f"{value:.3f}") for key, value in sorted(rows.items()))
        write_text(self._path, text.getvalue())

    def read(self) -> dict[tuple[int, int], float]:
        """Return what was measured so far, by block and step.

        Raises:
            TrainingError: The file is damaged.
        """
        if not self._path.is_file():
            return {}
        try:
            with self._path.open(encoding="utf-8", newline="") as file:
                rows = {
                    (int(row["block"]), int(row["step"])): float(row["psnr"])
                    for row in csv.DictReader(file)
                }
            if unknown := {block for block, _ in rows} - self._places.keys():
                raise ValueError(f"block {min(unknown)}")
            return rows
        except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
            raise TrainingError(f"{self._path} is damaged ({error}); delete it") from error

    def describe(self, network: Autoencoder) -> dict[str, Any]:
        """Return PSNR of all photographs from levels 1 to 4, and the course of each block's.

        Values that are not finite are None.
        """
        course = [
            {"block": block, "step": step, "psnr": _finite(psnr)}
            for (block, step), psnr in sorted(self.read().items())
            if step in self._places[block]
        ]
        psnr = {
            str(level): _finite(measure_psnr(network, self._photos, level))
            for level in self._places
        }
        return {
            "protocol": _PROTOCOL,
            "photos": len(self._photos),
            "photos_sha256": self._digest,
            "psnr": psnr,
            "course_photos": len(self._few),
            "course": course,
        }


def _finite(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
