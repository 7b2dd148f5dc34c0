"""Training photographs: manifest, held-out part and random crops.

A batch is a function of (seed, key). No loader has a state, so a resumed run sees the same crops.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor
from tqdm import tqdm

from pcakd.distillation.data.sampling import Sampling
from pcakd.distillation.parallel import own_part
from pcakd.errors import TrainingError
from pcakd.images import image_size, list_images, load_image, pick_evenly
from pcakd.images.crops import (
    cut_centre,
    enlarge_to,
    is_flat,
    require_croppable,
    to_bytes,
)
from pcakd.images.perceptual import hash_picture

_CACHE_BYTES = 2 << 30  # decoded photographs kept as 8-bit values
_PLAIN = Sampling()
_GAMMA = 0.5  # exposure changes by exponents from e^-½ to e^½
_GAINS = (0.75, 1.1)  # smallest and largest gain of a colour channel


def require_other_folder(folder: Path, output: Path) -> None:
    """Check that a training does not write its pictures among its photographs.

    Raises:
        TrainingError: Both folders are one.
    """
    if folder.is_dir() and output.is_dir() and folder.samefile(output):
        raise TrainingError(
            f"{output} is the folder of the photographs; name another folder for the training"
        )


class Photos:
    """A folder of photographs.

    Args:
        folder: The folder.
        held_out: Photographs to keep from training, at most a tenth of all.
        seed: Chooses the held-out photographs and the crops.
        most: Take only so many photographs, evenly spaced by name; None takes all.

    Raises:
        ImageError: The folder is missing or empty, or a file is not an image or too narrow.
        TrainingError: The folder holds fewer than 2 images.
    """

    def __init__(self, folder: Path, *, held_out: int, seed: int, most: int | None = None) -> None:
        paths = list_images(folder)
        paths = paths if most is None else pick_evenly(paths, most)
        if len(paths) < 2:
            raise TrainingError(f"{folder} holds {len(paths)} image; at least 2 are needed")
        order = np.random.default_rng([seed, 0]).permutation(len(paths))
        kept = min(held_out, max(1, len(paths) // 10))
        self.held_out: list[Path] = [paths[i] for i in sorted(order[:kept])]
        self.training: list[Path] = [paths[i] for i in sorted(order[kept:])]
        for path in paths:
            require_croppable(path, *image_size(path))
        self._seed = seed
        self._cache: dict[Path, Tensor] = {}
        self._cached_bytes = 0

    def check(self) -> None:
        """Decode every photograph once, to find damaged files before a training starts.

        Raises:
            ImageError: A file is truncated or damaged; the message names it.
            TrainingError: All training photographs, or all held-out ones, are flat.
        """
        paths = [*self.training, *self.held_out]
        with tqdm(paths, desc="photographs", unit="photo") as bar:  # an error ends its line
            flat = {path for path in bar if is_flat(self._decode(path))}
        for part, what in ((self.training, "training"), (self.held_out, "held-out")):
            if flat.issuperset(part):
                raise TrainingError(
                    f"the {what} photographs in {part[0].parent} are flat, of one colour each; "
                    "use others, or another seed"
                )

    def manifest(self) -> dict[str, str]:
        """Return the SHA-256 of each training file by its name."""
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in self.training}

    def perceptual_hashes(self) -> dict[str, str]:
        """Return the perceptual hash of each training photograph by its name.

        Photographs of one colour have none.
        """
        with tqdm(self.training, desc="perceptual hashes", unit="photo") as bar:
            found = {p.name: hash_picture(self._decode(p).float() / 255.0) for p in bar}
        return {name: text for name, text in found.items() if text is not None}

    def sample(self, count: int) -> list[Path]:
        """Return at most ``count`` training photographs, evenly spaced by name."""
        return self.training[:: max(1, len(self.training) // count)][:count]

    def batch(
        self,
        key: Sequence[int],
        *,
        size: int,
        crop: int,
        sampling: Sampling = _PLAIN,
        whole: bool = True,
    ) -> Float[Tensor, "b 3 s s"]:
        """Draw random crops, half of them mirrored. The same key draws the same crops.

        Args:
            key: Numbers that, with the seed, determine the crops.
            size: Crops in the batch.
            crop: Side of a crop in pixels.
            sampling: How crops are drawn.
            whole: Whether to draw the whole batch, or only the part of this process.

        Raises:
            ConfigError: The batch does not divide among the processes.
        """
        groups = range(size // sampling.group_size) if whole else own_groups(size, sampling)
        crops = [
            image for number in groups for image in self._draw_group((*key, number), crop, sampling)
        ]
        return torch.stack(crops)

    def _draw_group(self, key: Sequence[int], crop: int, sampling: Sampling) -> list[Tensor]:
        """Draw a crop, or the two crops of an image pair."""
        count = sampling.group_size
        rng = np.random.default_rng([self._seed, 1, *key])
        images = [self._random_crop(crop, sampling, rng) for _ in range(count)]
        if count > 1 and rng.random() < sampling.identity_share:
            images = images[:1] * count
        return images

    def _random_crop(self, crop: int, sampling: Sampling, rng: np.random.Generator) -> Tensor:
        path = self.training[rng.integers(len(self.training))]
        image = enlarge_to(self._decode(path), crop)
        part = _cut(image, crop, sampling.zoom, rng)
        part = part.flip(-1) if rng.random() < 0.5 else part
        result = part.float() / 255.0 if part.dtype == torch.uint8 else part
        return _expose(result, rng) if rng.random() < sampling.exposure else result

    def centre_crops(
        self, paths: Sequence[Path], *, size: int, crop: int
    ) -> Iterator[Float[Tensor, "b 3 s s"]]:
        """Yield the central crops of photographs in batches."""
        for start in range(0, len(paths), size):
            crops = []
            for path in paths[start : start + size]:
                image = enlarge_to(self._decode(path), crop)
                crops.append(cut_centre(image, crop).float() / 255.0)
            yield torch.stack(crops)

    def _decode(self, path: Path) -> Tensor:
        cached = self._cache.get(path)
        if cached is not None:
            return cached
        image = to_bytes(load_image(path))
        if self._cached_bytes + image.numel() <= _CACHE_BYTES:
            self._cache[path] = image
            self._cached_bytes += image.numel()
        return image


def own_groups(size: int, sampling: Sampling) -> Sequence[int]:
    """Return the numbers of this process's crops, or image pairs, of a batch.

    Raises:
        ConfigError: The batch does not divide among the processes.
    """
    unit = "image pair" if sampling.image_pairs else "crop"
    return own_part(range(size // sampling.group_size), unit=unit)


def _cut(
    image: Tensor, crop: int, zoom: tuple[int, int] | None, rng: np.random.Generator
) -> Float[Tensor, "3 s s"] | UInt8[Tensor, "3 s s"]:
    """Cut a random square out of a photograph and scale it to a crop."""
    height, width = image.shape[-2:]
    side = crop
    if zoom is not None:
        most = min(height, width, zoom[1])
        side = round(math.exp(rng.uniform(math.log(min(zoom[0], most)), math.log(most))))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    part = image[:, top : top + side, left : left + side]
    if side == crop:
        return part
    scaled = F.interpolate(
        part[None].float() / 255.0, size=(crop, crop), mode="bicubic", antialias=True
    )
    return scaled[0].clamp(0.0, 1.0)


def _expose(image: Float[Tensor, "3 s s"], rng: np.random.Generator) -> Float[Tensor, "3 s s"]:
    """Change a crop's exposure and colour balance."""
    gamma = math.exp(rng.uniform(-_GAMMA, _GAMMA))
    gains = torch.from_numpy(rng.uniform(*_GAINS, 3)).float()
    return (image.clamp_min(1e-4) ** gamma * gains[:, None, None]).clamp(0.0, 1.0)
