"""What a sweep of tiny students needs: photographs, image pairs, and a stand-in for the metrics."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench.plan.image_pairs import ImagePair


class StandIn:
    """Scores without any network: 1 for the student ``identity``, 0 for others."""

    pairs_hash = "0"
    protocol = {"gram": "a stand-in"}  # noqa: RUF012

    def __init__(self, pairs: Sequence[ImagePair], device: torch.device) -> None:
        del device
        self.pairs = pairs

    def score(self, student: Path) -> dict[str, dict[str, float]]:
        """Return values of three metrics by image pair."""
        value = float(student.stem == "identity")
        return {m: {pair.name: value for pair in self.pairs} for m in ("gram", "ssim", "lpips")}


def write_images(folder: Path, *, photos: int, pairs: int = 0) -> None:
    """Write smooth random images: ``photos/N.png``, and image pairs into ``pairs``."""
    rng = np.random.default_rng(0)
    names = [
        f"pairs/{index:02d}_{role}.png" for index in range(pairs) for role in ("content", "style")
    ]
    names += [f"photos/{index}.png" for index in range(photos)]
    for name in names:
        coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        coarse.resize((70, 60), Image.Resampling.BICUBIC).save(path)
