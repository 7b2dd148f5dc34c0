"""The interface of teacher encoders: four blocks that end at named taps."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pcakd.errors import ShapeError
from pcakd.weights import WeightsCard


class Backbone(nn.Module):
    """A frozen teacher encoder.

    Attributes:
        name: Its name in `list_backbones`, or ``timm/NAME``.
        taps: Names of the four taps.
        widths: Channels at the taps.
        strides: Stride of each tap in pixels of the image.
        blocks: Four modules; block b computes tap b from tap b - 1 (or from the image).
        card: Where its weights come from; None for random weights.

    Convention:
        Images are ``batch × 3 × height × width``, RGB in [0, 1]; pre-processing happens inside.
    """

    def __init__(
        self,
        *,
        name: str,
        taps: Sequence[str],
        widths: Sequence[int],
        strides: Sequence[int],
        blocks: Sequence[nn.Module],
        card: WeightsCard | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.taps = tuple(taps)
        self.widths = tuple(widths)
        self.strides = tuple(strides)
        self.blocks = nn.ModuleList(blocks)
        self.card = card
        self.eval().requires_grad_(False)

    def forward(self, image: Float[Tensor, "b 3 h w"], *, last_tap: int = 4) -> list[Tensor]:
        """Return the features at taps 1 to ``last_tap``, in the dtype of the weights.

        Raises:
            ShapeError: The image is not ``b × 3 × h × w``.
        """
        if image.dim() != 4 or image.shape[1] != 3:
            raise ShapeError(f"expected images of shape (b, 3, h, w), got {tuple(image.shape)}")
        features = image.to(next(self.parameters()).dtype)
        result = []
        for block in list(self.blocks)[:last_tap]:
            features = block(features)
            result.append(features)
        return result


class WholeBackbone(Backbone):
    """A teacher that cannot be cut into blocks: its one module returns all taps."""

    def forward(self, image: Tensor, *, last_tap: int = 4) -> list[Tensor]:
        """Return the features at taps 1 to ``last_tap``, in the dtype of the weights.

        Raises:
            ShapeError: The image is not ``b × 3 × h × w``.
        """
        if image.dim() != 4 or image.shape[1] != 3:
            raise ShapeError(f"expected images of shape (b, 3, h, w), got {tuple(image.shape)}")
        taps: list[Tensor] = self.blocks[0](image.to(next(self.parameters()).dtype))
        return taps[:last_tap]


class PaddedConv(nn.Module):
    """A convolution with explicit padding, followed by an activation.

    Args:
        weight: Kernel, ``(out, in / groups, kh, kw)``.
        bias: Bias, ``(out,)``.
        stride: 1 or 2.
        groups: As in ``nn.Conv2d``.
        padding: (left, right, top, bottom).
        mode: ``reflect`` or ``constant`` (zeros).
        activation: The activation; ReLU by default.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        *,
        stride: int = 1,
        groups: int = 1,
        padding: tuple[int, int, int, int] = (1, 1, 1, 1),
        mode: str = "reflect",
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone())
        self.bias = nn.Parameter(bias.clone())
        self.stride = stride
        self.groups = groups
        self.padding = padding
        self.mode = mode
        self.activation = activation or nn.ReLU()

    def forward(self, features: Float[Tensor, "b c h w"]) -> Tensor:
        """Pad, convolve, activate."""
        if any(self.padding):
            features = nn.functional.pad(features, self.padding, mode=self.mode)
        result = torch.conv2d(
            features, self.weight, self.bias, stride=self.stride, groups=self.groups
        )
        activated: Tensor = self.activation(result)
        return activated


class ScaleInput(nn.Module):
    """The preprocessing ``(x - mean) / std`` of a teacher, for each colour channel."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """Normalise each channel."""
        return (image - self.mean) / self.std
