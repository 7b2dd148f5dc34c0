"""Training photographs: a manifest, a held-out part, and crops that depend on nothing but a key.

A batch is a function of (seed, key): no loader has a state, so a resumed run sees the same crops.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from pcakd.errors import ImageError, TrainingError
from pcakd.images import image_size, list_images, load_image

_CACHE_BYTES = 2 << 30  # decoded photographs kept as 8-bit values
_MOST_ELONGATED = 20  # a narrower photograph would grow to gigabytes around a crop


class Photos:
    """A folder of photographs.

    Args:
        folder: Where they are.
        held_out: How many are kept from training.
        seed: Decides which ones are kept and what is cropped.

    Raises:
        ImageError: The folder is missing, holds no image, or one whose header is not of an image or
            of one that is too narrow.
        TrainingError: There are too few images to keep some from training.
    """

    def __init__(self, folder: Path, *, held_out: int, seed: int) -> None:
        paths = list_images(folder)
        if len(paths) < 2:
            raise TrainingError(f"{folder} holds {len(paths)} image; at least 2 are needed")
        order = np.random.default_rng([seed, 0]).permutation(len(paths))
        kept = min(held_out, max(1, len(paths) // 10))
        self.held_out: list[Path] = [paths[i] for i in sorted(order[:kept])]
        self.training: list[Path] = [paths[i] for i in sorted(order[kept:])]
        for path in paths:
            _check(path)
        self._seed = seed
        self._cache: dict[Path, Tensor] = {}
        self._cached_bytes = 0

    def check(self) -> None:
        """Decode every photograph once, so that a broken one ends a run before it begins.

        Raises:
            ImageError: One is truncated or damaged; the message names it.
        """
        for path in tqdm([*self.training, *self.held_out], desc="photographs", unit="photo"):
            self._decode(path)

    def manifest(self) -> dict[str, str]:
        """Return the SHA-256 of each training file by its name."""
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in self.training}

    def batch(self, key: Sequence[int], *, size: int, crop: int) -> Float[Tensor, "b 3 s s"]:
        """Draw random crops, flipped or not; the same key draws the same ones."""
        rng = np.random.default_rng([self._seed, 1, *key])
        chosen = rng.integers(len(self.training), size=size)
        return torch.stack([self._random_crop(self.training[i], crop, rng) for i in chosen])

    def _random_crop(self, path: Path, crop: int, rng: np.random.Generator) -> Tensor:
        image = self._large_enough(path, crop)
        height, width = image.shape[-2:]
        top, left = rng.integers(height - crop + 1), rng.integers(width - crop + 1)
        part = image[:, top : top + crop, left : left + crop]
        part = part.flip(-1) if rng.random() < 0.5 else part
        return part.float() / 255.0

    def centre_crops(
        self, paths: Sequence[Path], *, size: int, crop: int
    ) -> Iterator[Float[Tensor, "b 3 s s"]]:
        """Yield the central crops of photographs in batches."""
        for start in range(0, len(paths), size):
            crops = []
            for path in paths[start : start + size]:
                image = self._large_enough(path, crop)
                top, left = (image.shape[-2] - crop) // 2, (image.shape[-1] - crop) // 2
                crops.append(image[:, top : top + crop, left : left + crop].float() / 255.0)
            yield torch.stack(crops)

    def _large_enough(self, path: Path, crop: int) -> Tensor:
        image = self._decode(path)
        short = min(image.shape[-2:])
        if short >= crop:
            return image
        scale = crop / short
        size = tuple(max(crop, round(side * scale)) for side in image.shape[-2:])
        enlarged = F.interpolate(image[None].float(), size=size, mode="bilinear", antialias=True)
        return enlarged[0].round().to(torch.uint8)

    def _decode(self, path: Path) -> Tensor:
        cached = self._cache.get(path)
        if cached is not None:
            return cached
        image = (load_image(path) * 255.0).round().to(torch.uint8)
        if self._cached_bytes + image.numel() <= _CACHE_BYTES:
            self._cache[path] = image
            self._cached_bytes += image.numel()
        return image


def _check(path: Path) -> None:
    """Check a photograph by its header, so that a run does not end at the step that draws it."""
    height, width = image_size(path)
    if max(height, width) > _MOST_ELONGATED * min(height, width):
        raise ImageError(f"{path} is {width} × {height}, too narrow to crop; take it away")
