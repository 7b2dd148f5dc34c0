"""What a tile passes through, in the form that a device is fastest at."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pcakd.blocks.layers import Edges, enlarge
from pcakd.tiling.spans import Span
from pcakd.transforms import AffineMap

Features = Float[Tensor, "b c h w"]
PadMode = Literal["reflect", "replicate"]


def lay_out(image: Features) -> Features:
    """Return an image channels-last on a CPU, as it is elsewhere.

    oneDNN's convolutions of few channels are faster in it, and all that follows inherits it.
    """
    on_cpu = image.device.type == "cpu"
    return image.contiguous(memory_format=torch.channels_last) if on_cpu else image


def layout_of(features: Features) -> torch.memory_format:
    """Return the layout of a map, or of the map that it is a part of."""
    return torch.channels_last if features.stride(1) == 1 else torch.contiguous_format


def fold_affine(
    weight: Float[Tensor, "o i h w"], bias: Float[Tensor, " o"], affine: AffineMap
) -> tuple[Tensor, Tensor]:
    """Return the convolution of what an affine map of single pixels makes of its first channels.

    Padding by reflection and enlargement commute with such a map, so the result is exact.
    """
    channels = affine.offset.shape[0]
    own = weight[:, :channels].to(affine.matrix.dtype)
    mapped = torch.einsum("oihw,ij->ojhw", own, affine.matrix).to(weight.dtype)
    shift = own.sum(dim=(2, 3)) @ affine.offset
    return torch.cat((mapped, weight[:, channels:]), dim=1), (bias + shift).to(bias.dtype)


def high_frequencies(source: Features, rows: Span, columns: Span) -> Features:
    """Return a part of a map minus its 3 × 3 mean, the map's edges replicated."""
    seen = rows.grown(1), columns.grown(1)
    part = source[..., seen[0].index, seen[1].index]
    edges = (columns.first, columns.last, rows.first, rows.last)
    mean = box_mean(pad_by_one(part, edges, mode="replicate"))
    return torch.sub(part[..., rows.within(seen[0]), columns.within(seen[1])], mean, out=mean)


def pooled_residual(source: Features, rows: Span, columns: Span) -> Features:
    """Return a part of a map minus its 2 × 2 means, enlarged again."""
    seen = tuple(
        Span(max(0, (span.start - 1) // 2), min(span.stop // 2 + 1, span.size // 2), span.size // 2)
        for span in (rows, columns)
    )
    full_rows, full_columns = (Span(2 * s.start, 2 * s.stop, 2 * s.size) for s in seen)
    part = source[..., full_rows.index, full_columns.index]
    larger = enlarge(F.avg_pool2d(part, 2))
    inside = rows.within(full_rows), columns.within(full_columns)
    return part[..., inside[0], inside[1]] - larger[..., inside[0], inside[1]]


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
    inside = int(mode == "reflect")  # whether the pixel next to the border is repeated
    if left:
        inner[..., 0] = part[..., inside]
    if right:
        inner[..., -1] = part[..., -1 - inside]
    if top:
        padded[..., 0, :] = inner[..., inside, :]
    if bottom:
        padded[..., -1, :] = inner[..., -1 - inside, :]
    return padded


def box_mean(padded: Features) -> Features:
    """Return the means of all 3 × 3 windows.

    On a CPU sums of slices are faster than ``avg_pool2d``; narrow types, whose sums
    would lose digits, go there nevertheless.
    """
    if padded.device.type != "cpu" or padded.dtype not in (torch.float32, torch.float64):
        return F.avg_pool2d(padded, kernel_size=3, stride=1)
    rows = padded[..., :-2, :] + padded[..., 1:-1, :]
    rows += padded[..., 2:, :]
    total = rows[..., :-2] + rows[..., 1:-1]
    total += rows[..., 2:]
    return total.mul_(1.0 / 9.0)
