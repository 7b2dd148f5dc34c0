"""How well a peer's decoder reconstructs photographs, while it is trained and afterwards."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from bench.peers.vgg import STRIDE
from pcakd.blocks import Autoencoder
from pcakd.coarse_to_fine import prepare_image
from pcakd.distillation.context import decode_to_image
from pcakd.distillation.trainer import Step
from pcakd.errors import TrainingError
from pcakd.images import load_image
from pcakd.images.folders import pick_evenly
from pcakd.utils.files import write_text

FILE = "psnr.csv"
"""Name of the file in a training's folder."""

PARTS = 6
"""PSNR is measured after each sixth of a block's steps."""

_PHOTOS = 24  # that are reconstructed while a block is trained
_COLUMNS = ("block", "step", "psnr")


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
    image = prepare_image("reconstructed", photo, STRIDE)
    taps, sources = network.encode_with_sources(image, last_block=level)
    decoded = network.decode_block(level, taps[-1], sources[-1])
    result = decode_to_image(network, decoded, sources[: level - 1])
    height, width = photo.shape[-2:]
    return result[0, :, :height, :width].clamp(0.0, 1.0)


def measure_psnr(network: Autoencoder, photos: Sequence[Path], level: int) -> float:
    """Return the PSNR of reconstructions from a level at native size, in dB: the photographs' mean.

    That of a photograph is -10 log10 of the squared error over pixels and channels; a perfect
    reconstruction would be infinite.
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
        photos: Photographs that the training does not see; without any, nothing is measured.
        steps: Steps of blocks 1 to 4.
        folder: Folder of the training.
    """

    def __init__(self, photos: Sequence[Path], *, steps: Sequence[int], folder: Path) -> None:
        self._photos, self._few = photos, pick_evenly(photos, _PHOTOS)
        self._path = folder / FILE
        self._places = {
            block: {math.ceil(count * part / PARTS) for part in range(1, PARTS + 1)}
            for block, count in enumerate(steps, start=1)
        }

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
                return {
                    (int(row["block"]), int(row["step"])): float(row["psnr"])
                    for row in csv.DictReader(file)
                }
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"{self._path} is damaged ({error}); delete it") from error

    def describe(self, network: Autoencoder) -> dict[str, object]:
        """Return PSNR of all photographs from levels 1 to 4, and the course of each block's."""
        course = self.read()
        return {
            "photos": len(self._photos),
            "psnr": {
                str(level): round(measure_psnr(network, self._photos, level), 3)
                for level in self._places
            },
            "course_photos": len(self._few),
            "course": [
                {"block": block, "step": step, "psnr": psnr}
                for (block, step), psnr in sorted(course.items())
            ],
        }
