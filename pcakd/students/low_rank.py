"""A student whose convolutions are replaced by factors of low rank, for fine-tuning."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pcakd.blocks import BlockStack, Conv, ConvLayer, factorise_conv
from pcakd.errors import ConfigError
from pcakd.students.student import Student
from pcakd.utils.extras import require_extra


@torch.no_grad()
def factorise_student(student: Student, share: float) -> Student:
    """Return a student of low rank that does about what another one does.

    Full convolutions are decomposed by Tucker-2 (``partial_tucker`` of TensorLy), pointwise ones by
    a truncated SVD; both in float64. Weights of the factors are balanced, so that one learning rate
    fits all.

    Args:
        student: The student, on the CPU, with full convolutions.
        share: Rank as a share of the channels, in (0, 1).

    Raises:
        ConfigError: The share is out of range, or the student has low rank already.
        MissingExtraError: TensorLy is not installed.
    """
    if not 0 < share < 1:
        raise ConfigError(f"the share of low rank must lie between 0 and 1, got {share}")
    if student.spec.low_rank < 1:
        raise ConfigError("the student has low rank already; start from one of full rank")
    found = Student(
        replace(student.spec, low_rank=share),
        regularizer=student.regularizer,
        colour_transfer=student.colour_transfer,
        eigenbases=student.eigenbases,
        channel_means=student.channel_means,
        card=student.card,
    )
    for source, target in ((student.encoder, found.encoder), (student.decoder, found.decoder)):
        for block in range(1, len(source.blocks) + 1):
            _fill_block(source, target, block, share)
    return found.eval().requires_grad_(False)


def _fill_block(source: BlockStack, target: BlockStack, block: int, share: float) -> None:
    layers = iter(target.layers(block))
    for stage, layer in source.steps(block):
        if not isinstance(stage, Conv) or not isinstance(layer, ConvLayer):
            continue
        parts = [next(layers) for _ in factorise_conv(stage, share)]
        _fill(layer, parts)


def _fill(layer: ConvLayer, parts: Sequence[ConvLayer]) -> None:
    """Write the factors of a layer's weights into the layers that replace it."""
    weight, bias = layer.conv.weight.double(), layer.conv.bias
    if len(parts) == 1:
        factors = [weight]
    elif len(parts) == 2:
        factors = _split_pointwise(weight, parts[0].conv.out_channels)
    else:
        factors = _split_full(weight, parts[0].conv.out_channels, parts[1].conv.out_channels)
    for part, factor in zip(parts, factors, strict=True):
        part.conv.weight.copy_(factor)
        if part.conv.bias is not None:
            part.conv.bias.zero_()
    if bias is not None and parts[-1].conv.bias is not None:
        parts[-1].conv.bias.copy_(bias)


def _split_pointwise(weight: Tensor, rank: int) -> list[Tensor]:
    left, values, right = torch.linalg.svd(weight[:, :, 0, 0], full_matrices=False)
    roots = values[:rank].sqrt()
    first, second = roots[:, None] * right[:rank], left[:, :rank] * roots
    return [first[..., None, None], second[..., None, None]]


def _split_full(weight: Tensor, before: int, after: int) -> list[Tensor]:
    decomposition: Any = require_extra("train", "tensorly.decomposition", "--low-rank")
    (core, (outer, inner)), _ = decomposition.partial_tucker(
        weight.cpu().numpy(), rank=[after, before], modes=[0, 1]
    )
    middle, last, first = (torch.from_numpy(each.copy()) for each in (core, outer, inner))
    scale = middle.abs().max().clamp_min(torch.finfo(middle.dtype).tiny) ** (1 / 3)
    shares = (first.T * scale, middle / scale**2, last * scale)
    return [shares[0][..., None, None], shares[1], shares[2][..., None, None]]
