"""The photographs that ranges of 8-bit maps come from: the shipped image pairs, reduced and varied.

Six pairs hold few extreme colours, and a map that leaves its range is cut off. So each pair counts
with a dark content and a bright style, the other way round, and with saturated colours, too.
"""

from importlib.resources import files
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from pcakd.images import load_image

_DARK, _BRIGHT, _SATURATION = 0.5, 1.8, 2.0
_SIDE = 256  # of the longer side; ranges of maps hardly depend on the size


def load_calibration_pairs() -> list[tuple[Tensor, Tensor]]:
    """Return contents and styles, ``(3, h, w)`` RGB in [0, 1]: each pair, and its variations."""
    folder = Path(str(files("bench") / "data" / "pairs"))
    pairs = [
        (_load(content), _load(content.with_name(content.name.replace("content", "style"))))
        for content in sorted(folder.glob("*_content.*"))
    ]
    return [varied for pair in pairs for varied in vary_pair(*pair)]


def vary_pair(content: Tensor, style: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return a pair, and with other exposures and with saturated colours."""
    return [
        (content, style),
        (_expose(content, _DARK), _expose(style, _BRIGHT)),
        (_expose(content, _BRIGHT), _expose(style, _DARK)),
        (_saturate(content), _saturate(style)),
    ]


def _expose(image: Tensor, factor: float) -> Tensor:
    return (factor * image).clamp(0, 1)


def _saturate(image: Tensor) -> Tensor:
    grey = image.mean(dim=0, keepdim=True)
    return (grey + _SATURATION * (image - grey)).clamp(0, 1)


def _load(path: Path) -> Tensor:
    image = load_image(path)
    scale = min(1.0, _SIDE / max(image.shape[-2:]))
    size = [round(scale * side) for side in image.shape[-2:]]
    return F.interpolate(image[None], size, mode="bilinear", antialias=True)[0].clamp(0, 1)
