"""Padding of maps and of tiles."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pcakd.blocks.spans import Edges

Features = Float[Tensor, "b c h w"]
PadMode = Literal["reflect", "replicate"]
ALL_EDGES: Edges = (True, True, True, True)


def pad_reflect(
    features: Features, *, before: int, after: int, edges: Edges = ALL_EDGES
) -> Features:
    """Pad both axes by reflection; an axis of one pixel, which has no reflection, is repeated.

    Args:
        features: A map, or a part of one.
        before: Pixels to add on the left and above.
        after: Pixels to add on the right and below.
        edges: The sides that are padded.
    """
    if before == after == 0:
        return features
    mode = "reflect" if min(features.shape[-2:]) > max(before, after) else "replicate"
    widths = [
        width if edge else 0
        for width, edge in zip((before, after, before, after), edges, strict=True)
    ]
    return F.pad(features, widths, mode=mode)


def pad_by_one(part: Features, edges: Edges, *, mode: PadMode) -> Features:
    """Pad by a pixel at the left, right, top and bottom, where ``edges`` has them.

    On a CPU slices are faster than ``F.pad``, which is slow on parts of channels-last maps.
    """
    if part.device.type != "cpu":
        return F.pad(part, [int(edge) for edge in edges], mode=mode)
    left, right, top, bottom = (int(edge) for edge in edges)
    height, width = part.shape[-2:]
    padded = torch.empty(
        (*part.shape[:2], top + height + bottom, left + width + right),
        dtype=part.dtype,
        memory_format=layout_of(part),
    )
    inner = padded[..., top : top + height, :]
    inner[..., left : left + width] = part
    inside = int(mode == "reflect")  # reflection repeats the pixel next to the border
    if left:
        inner[..., 0] = part[..., inside]
    if right:
        inner[..., -1] = part[..., -1 - inside]
    if top:
        padded[..., 0, :] = inner[..., inside, :]
    if bottom:
        padded[..., -1, :] = inner[..., -1 - inside, :]
    return padded


def layout_of(features: Features) -> torch.memory_format:
    """Return the memory format of a map, or of the map that it is a part of."""
    return torch.channels_last if features.stride(1) == 1 else torch.contiguous_format
