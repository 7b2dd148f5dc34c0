"""The stages of blocks as modules and functions: the plain reference of what runs in tiles."""

from collections.abc import Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pcakd.blocks.stages import (
    AddPooledResidual,
    AddResidual,
    AvgPool,
    Block,
    ConcatResidual,
    Conv,
    MaxPool,
    MaxUnpool,
    Stage,
    Upsample,
    WaveletUnpool,
)
from pcakd.blocks.wavelets import NUM_BANDS, HaarUnpool

Features = Float[Tensor, "b c h w"]

Source: TypeAlias = Tensor | tuple[Tensor, ...]
"""What a decoder block takes from the content beside its features: the map whose high frequencies
it needs, or, for `WaveletUnpool`, the map before the pooling and its detail bands LH, HL and HH."""

Edges: TypeAlias = tuple[bool, bool, bool, bool]
ALL_EDGES: Edges = (True, True, True, True)


def pad_reflect(
    features: Features, *, before: int, after: int, edges: Edges = ALL_EDGES
) -> Features:
    """Pad both axes by reflection; an axis of one pixel, which has no reflection, is repeated.

    Args:
        features: A map, or a part of one.
        before: Pixels to add on the left and above.
        after: Pixels to add on the right and below.
        edges: Which of left, right, top and bottom are borders of the map; others stay as they are.
    """
    if before == after == 0:
        return features
    mode = "reflect" if min(features.shape[-2:]) > max(before, after) else "replicate"
    widths = [
        width if edge else 0
        for width, edge in zip((before, after, before, after), edges, strict=True)
    ]
    return F.pad(features, widths, mode=mode)


def high_frequencies(features: Features) -> Features:
    """Return a map minus its 3 × 3 mean, edges replicated: the residual of a decoder block."""
    padded = F.pad(features, (1, 1, 1, 1), mode="replicate")
    mean = F.avg_pool2d(padded, kernel_size=3, stride=1)
    return features - mean if torch.is_grad_enabled() else torch.sub(features, mean, out=mean)


class ConvLayer(nn.Module):
    """A convolution padded by reflection, with an optional ReLU.

    While a block is trained, a fixed standardisation of the input and a batch norm of the output
    can surround the convolution; :meth:`fold` works both into it, exactly and at no cost.
    """

    def __init__(self, spec: Conv) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            spec.in_channels,
            spec.out_channels,
            spec.kernel_size,
            stride=spec.stride,
            groups=spec.in_channels if spec.depthwise else 1,
        )
        self.norm: nn.BatchNorm2d | None = None
        self.input_mean: Tensor | None
        self.input_std: Tensor | None
        self.register_buffer("input_mean", None)
        self.register_buffer("input_std", None)
        self.relu = spec.relu
        self.makes_features = spec.relu or spec.signed
        half = spec.kernel_size // 2
        self.padding = (half, half) if spec.stride == 1 else (0, half)

    def forward(self, features: Features) -> Features:
        """Map ``(b, in, h, w)`` to ``(b, out, h / stride, w / stride)``."""
        if self.input_mean is not None and self.input_std is not None:
            features = (features - self.input_mean) / self.input_std
        before, after = self.padding
        result: Tensor = self.conv(pad_reflect(features, before=before, after=after))
        if self.norm is not None:
            result = self.norm(result)
        return F.relu(result, inplace=not torch.is_grad_enabled()) if self.relu else result

    def standardize_input(self, mean: Float[Tensor, " c"], std: Float[Tensor, " c"]) -> None:
        """Subtract ``mean`` from the input and divide by ``std`` from now on."""
        self.input_mean, self.input_std = mean[:, None, None], std[:, None, None]

    @torch.no_grad()
    def fold(self) -> None:
        """Work the standardisation and the batch norm's running statistics into the convolution.

        Reflection padding commutes with a map of single pixels, so this is exact at borders too.
        """
        weight, bias = self.conv.weight, self.conv.bias
        assert bias is not None  # noqa: S101 (built with one)
        if self.input_mean is not None and self.input_std is not None:
            mean, std = self.input_mean.flatten(), self.input_std.flatten()
            if self.conv.groups > 1:
                mean, std = mean[:, None], std[:, None]
            weight.div_(std[..., None, None])
            bias.sub_((weight * mean[..., None, None]).sum(dim=(1, 2, 3)))
            self.input_mean = self.input_std = None
        norm = self.norm
        if norm is not None and norm.running_var is not None and norm.running_mean is not None:
            scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
            weight.mul_(scale[:, None, None, None])
            bias.copy_((bias - norm.running_mean) * scale + norm.bias)
            self.norm = None


class BlockStack(nn.Module):
    """Four blocks of stages: what an encoder and a decoder have in common.

    Args:
        stages: The stages of blocks 1 to 4.
    """

    def __init__(self, stages: Sequence[Block]) -> None:
        super().__init__()
        self._stages = tuple(stages)
        self.blocks = nn.ModuleList(
            [
                nn.ModuleList([layer for stage in block if (layer := _create_layer(stage))])
                for block in stages
            ]
        )

    def stages(self, block: int) -> Block:
        """Return the stages of a block (numbered from 1), in order."""
        return self._stages[block - 1]

    def layers(self, block: int) -> list[ConvLayer]:
        """Return the convolutions of a block, in order."""
        return [
            layer for layer in self.blocks[block - 1].children() if isinstance(layer, ConvLayer)
        ]

    def run_block(self, block: int, features: Features, source: Source | None = None) -> Features:
        """Run the stages of a block in order.

        Args:
            block: Which block, from 1.
            features: Its input.
            source: What a decoder block takes from the content's encoder beside its features.
        """
        layers = iter(self.blocks[block - 1].children())
        for stage in self.stages(block):
            if isinstance(stage, Conv):
                features = next(layers)(features)
            elif isinstance(stage, WaveletUnpool):
                features = _unpool_wavelets(stage, next(layers), features, source)
            else:
                features = run_stage(stage, features, source)
        return features


def _create_layer(stage: Stage) -> nn.Module | None:
    """Return the module of a stage that has weights."""
    if isinstance(stage, Conv):
        return ConvLayer(stage)
    return HaarUnpool(stage.channels) if isinstance(stage, WaveletUnpool) else None


def run_stage(stage: Stage, features: Features, source: Source | None = None) -> Features:
    """Run a stage that has no weights.

    Raises:
        ValueError: It lacks its source.
        TypeError: It has weights.
    """
    match stage:
        case MaxPool():
            return F.max_pool2d(features, 2)
        case AvgPool():
            return F.avg_pool2d(features, 2)
        case Upsample():
            return enlarge(features)
    whole = require_map(stage, source)
    match stage:
        case MaxUnpool():
            return unpool_by_maxima(features, whole)
        case AddPooledResidual():
            return features + (whole - enlarge(F.avg_pool2d(whole, 2)))
    residual = high_frequencies(whole)
    if isinstance(stage, AddResidual):
        # without gradients the larger of the two maps need not be there twice
        return features + residual if torch.is_grad_enabled() else residual.add_(features)
    if isinstance(stage, ConcatResidual):
        return torch.cat((features, residual), dim=1)
    raise TypeError(f"{stage!r} is no stage")


def _unpool_wavelets(
    stage: WaveletUnpool, filters: nn.Module, features: Features, source: Source | None
) -> Features:
    original, *details = require_bands(stage, source)
    parts: tuple[Tensor, ...] = filters((features, *details))
    return torch.cat((*parts, original), dim=1) if stage.concat else sum(parts[1:], parts[0])


def enlarge(features: Features) -> Features:
    """Enlarge a map by 2, bilinearly with half-pixel centres."""
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)


def unpool_by_maxima(features: Features, whole: Features) -> Features:
    """Put each value where ``whole``, twice as large, has the maximum of its 2 × 2 window."""
    _, places = F.max_pool2d(whole, 2, return_indices=True)
    # what F.max_unpool2d calls, which checks sizes in a way that no tracer can follow
    larger: Tensor = torch._C._nn.max_unpool2d(features, places, list(whole.shape[-2:]))
    return larger


def require_map(stage: Stage, source: Source | None) -> Tensor:
    """Return the map that a stage needs beside its features.

    Raises:
        ValueError: There is none.
    """
    if not isinstance(source, Tensor):
        raise ValueError(f"{type(stage).__name__} needs the map of its encoder block")
    return source


def require_bands(stage: Stage, source: Source | None) -> tuple[Tensor, ...]:
    """Return the map before a wavelet pooling and its three detail bands.

    Raises:
        ValueError: They are not given.
    """
    if not isinstance(source, tuple) or len(source) != NUM_BANDS:
        raise ValueError(f"{type(stage).__name__} needs a map and its three detail bands")
    return source
