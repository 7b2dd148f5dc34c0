"""The convolution: its description, its weights while it is trained, and how it runs on a tile."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pcakd.blocks.padding import PadMode, pad_by_one, pad_reflect
from pcakd.blocks.spans import Edges, Span, Tile, clip
from pcakd.blocks.stage import Features, Source, Stage
from pcakd.errors import ConfigError
from pcakd.transforms import AffineMap
from pcakd.utils.convolutions import convolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv(Stage):
    """A convolution with bias, padded by reflection to keep ``size / stride``.

    A stride of 1 pads both sides by half the kernel; a stride of 2 pads (0, 1), right and bottom.

    Attributes:
        in_channels: Of its input.
        out_channels: Of its output.
        kernel_size: Rows and columns of the kernel.
        stride: 1 or 2.
        depthwise: Whether each channel is convolved by itself.
        relu: Whether a ReLU follows.
        signed: Whether an output without a ReLU holds features rather than the pixels of an image.
            Training normalises features.
    """

    in_channels: int
    out_channels: int
    kernel_size: int = 3
    stride: int = 1
    depthwise: bool = False
    relu: bool = True
    signed: bool = False

    @property
    def padding(self) -> tuple[int, int]:
        """Pixels that are added before (left, top) and after (right, bottom)."""
        half = self.kernel_size // 2
        return (half, half) if self.stride == 1 else (0, half)

    @property
    def groups(self) -> int:
        """Groups of channels: one, or one for each channel."""
        return self.in_channels if self.depthwise else 1

    def create_layer(self) -> "ConvLayer":
        """Return a layer with PyTorch's random weights."""
        return ConvLayer(self)

    def run(
        self, features: Features, source: Source | None = None, layer: nn.Module | None = None
    ) -> Features:
        """Map ``(b, in, h, w)`` to ``(b, out, h / stride, w / stride)``."""
        del source
        if not isinstance(layer, ConvLayer):
            raise TypeError(f"a convolution runs with a ConvLayer, not {type(layer).__name__}")
        result: Tensor = layer(features)
        return result

    def run_tile(
        self,
        part: Features,
        source: Source | None,
        layer: nn.Module | None,
        *,
        before: Tile,
        after: Tile,
    ) -> Features:
        """Convolve a part of a map; only true borders are padded."""
        del source, before
        weight, bias = read_weights(layer)
        padded = self.pad_tile(part, after.edges)
        result = convolve(padded, weight, bias, stride=self.stride, groups=self.groups)
        return F.relu_(result) if self.relu else result

    def input_span(self, span: Span, size: int) -> Span:
        """Return the pixels under the kernel.

        >>> Conv(in_channels=3, out_channels=4).input_span(Span(8, 12, 16), 16)
        Span(start=7, stop=13, size=16)
        """
        before, _ = self.padding
        start = self.stride * span.start - before
        return clip(start, self.stride * (span.stop - 1) - before + self.kernel_size, size)

    def output_size(self, size: int) -> int:
        """Return the size over the stride.

        >>> Conv(in_channels=3, out_channels=4, stride=2).output_size(8)
        4
        """
        return size // self.stride

    def output_channels(self, channels: int) -> int:
        """Return ``out_channels``."""
        del channels
        return self.out_channels

    def fold_affine(self, layer: nn.Module | None, affine: AffineMap) -> nn.Module | None:
        """Return the weights of the mapped input's convolution; None if it is depthwise."""
        return None if self.depthwise else FoldedConv(*fold_affine(*read_weights(layer), affine))

    def pad_tile(self, part: Features, edges: Edges) -> Features:
        """Pad those edges of a part that are borders of the map, as :class:`ConvLayer` does."""
        before, after = self.padding
        if max(before, after) > 1:
            return pad_reflect(part, before=before, after=after, edges=edges)
        left, right, top, bottom = edges
        sides = (
            left and before > 0,
            right and after > 0,
            top and before > 0,
            bottom and after > 0,
        )
        mode: PadMode = "reflect" if min(part.shape[-2:]) > 1 else "replicate"
        return pad_by_one(part, sides, mode=mode) if any(sides) else part


class ConvLayer(nn.Module):
    """A convolution padded by reflection, with an optional ReLU.

    While a block is trained, a fixed standardisation of the input and a batch norm of the output
    can surround the convolution. :meth:`fold` works both into its weights, exactly.
    """

    def __init__(self, spec: Conv) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            spec.in_channels,
            spec.out_channels,
            spec.kernel_size,
            stride=spec.stride,
            groups=spec.groups,
        )
        self.norm: nn.BatchNorm2d | None = None
        self.input_mean: Tensor | None
        self.input_std: Tensor | None
        self.register_buffer("input_mean", None)
        self.register_buffer("input_std", None)
        self.relu = spec.relu
        self.makes_features = spec.relu or spec.signed
        self.padding = spec.padding

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


class FoldedConv(nn.Module):
    """Weights of a convolution that an affine map is folded into, for one stylization."""

    def __init__(self, weight: Float[Tensor, "o i h w"], bias: Float[Tensor, " o"]) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias


def fold_affine(
    weight: Float[Tensor, "o i h w"], bias: Float[Tensor, " o"], affine: AffineMap
) -> tuple[Tensor, Tensor]:
    """Return the weights that convolve as ``weight`` and ``bias`` do after an affine map.

    The map applies to the first channels of the input, as many as it has. Padding by reflection
    commutes with such a map, so the result is exact at borders too.
    """
    channels = affine.offset.shape[0]
    own = weight[:, :channels].to(affine.matrix.dtype)
    mapped = torch.einsum("oihw,ij->ojhw", own, affine.matrix).to(weight.dtype)
    shift = own.sum(dim=(2, 3)) @ affine.offset
    return torch.cat((mapped, weight[:, channels:]), dim=1), (bias + shift).to(bias.dtype)


def read_weights(layer: nn.Module | None) -> tuple[Tensor, Tensor]:
    """Return the weight and bias of a convolution that is not in training.

    Raises:
        ConfigError: It has a norm or a standardisation.
        TypeError: The layer is no convolution.
    """
    if isinstance(layer, FoldedConv):
        return layer.weight, layer.bias
    if not isinstance(layer, ConvLayer):
        raise TypeError(f"a convolution runs with a ConvLayer, not {type(layer).__name__}")
    bias = layer.conv.bias
    if bias is None or layer.norm is not None or layer.input_mean is not None:
        raise ConfigError(
            "this network is in training and has norms that are not folded; call fold() of each "
            "ConvLayer first, or enable gradients"
        )
    return layer.conv.weight, bias
