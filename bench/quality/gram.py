"""Gram style distances: how much the feature correlations of two images differ."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.vgg import make_layers

from bench.quality.protocol import bounded_gram_protocol, describe_size, gram_protocol
from pcakd.errors import ShapeError
from pcakd.weights import load_weights

LAYERS: Mapping[str, int] = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 18}
"""The taps and the index of the last module of each in torchvision's ``vgg16().features``."""

MIN_SIDE = 8
"""The shortest side in pixels that leaves a feature at relu4_1 (stride 8)."""

_STRIDE = 8
_HALO = 40  # rows; a relu4_1 feature depends on 34 rows beyond its own 8; a multiple of the stride
_STRIP_PIXELS = 2**22  # relu1_1 and conv1_2 of a strip together need 2 GiB

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class GramDistance:
    """The Gram style distances with torchvision's VGG-16, relative and bounded.

    Each is a distance of two Gram matrices by the Frobenius norm, averaged over four taps:
    `relative_distance` and `bounded_distance`.

    Attributes:
        protocol: Protocol id of the relative distance.
        bounded_protocol: Protocol id of the bounded distance.

    Source: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks",
    CVPR 2016, eq. 3, for the Gram matrix. Departure: it is divided by C·H·W, so that images of
    different sizes can be compared.
    """

    def __init__(
        self,
        *,
        device: torch.device | str = "cpu",
        progress: bool = True,
        size: str | None = None,
    ) -> None:
        """Load the network.

        Args:
            device: Where to compute.
            progress: Whether downloads show a progress bar.
            size: `describe_size` of the images, for the protocol id; native size by default.

        Raises:
            WeightsError: The weights of torchvision's VGG-16 are not found.
        """
        weights = load_weights("vgg16", "torchvision", progress=progress)
        self.device = torch.device(device)
        network = build_network(weights.tensors).to(self.device)
        if self.device.type == "cpu":  # oneDNN's convolutions are faster in it
            network = network.to(memory_format=torch.channels_last)
        described = weights.card.sha256, tuple(LAYERS), size or describe_size()
        self.protocol = gram_protocol(*described)
        self.bounded_protocol = bounded_gram_protocol(*described)
        self._blocks = split_at_taps(network)

    def describe(self, image: Float[Tensor, "1 3 h w"]) -> list[Float[Tensor, "c c"]]:
        """Return the Gram matrices of an RGB image in [0, 1] at the four taps.

        Large images are processed in strips of rows. The strips overlap by more than the receptive
        field, so the result does not depend on them. The matrices are float64 on the CPU.

        Raises:
            ShapeError: A side is shorter than 8 px.
        """
        return gram_matrices(self._blocks, image.to(self.device))


def build_network(tensors: Mapping[str, Tensor]) -> nn.Sequential:
    """Return torchvision's VGG-16 up to relu4_1 with the given ``features.N.weight`` tensors."""
    network: nn.Sequential = make_layers(
        [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512], batch_norm=False
    )
    state = {name: tensors[f"features.{name}"] for name in network.state_dict()}
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def split_at_taps(network: nn.Sequential) -> list[nn.Sequential]:
    """Cut the network after each tap."""
    ends = [index + 1 for index in LAYERS.values()]
    return [network[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@torch.inference_mode()
def gram_matrices(
    blocks: Sequence[nn.Module],
    image: Float[Tensor, "1 3 h w"],
    *,
    strip_pixels: int = _STRIP_PIXELS,
) -> list[Float[Tensor, "c c"]]:
    """Return FFᵀ/(C·H·W) at the end of each block.

    Args:
        blocks: Consecutive parts of the network; part i ends at tap i, at stride 1, 2, 4 or 8.
        image: RGB in [0, 1], on the device of the blocks.
        strip_pixels: Approximate number of pixels of a strip.

    Raises:
        ShapeError: A side is shorter than 8 px.
    """
    height, width = image.shape[-2:]
    if min(height, width) < MIN_SIDE:
        raise ShapeError(
            f"the Gram distance needs images of at least {MIN_SIDE}x{MIN_SIDE} px, "
            f"this one is {width}x{height}; use a larger one"
        )
    mean, std = (image.new_tensor(v).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    totals: list[Tensor | float] = [0.0] * len(blocks)
    for top, bottom in _strips(height, max(_STRIDE, strip_pixels // width)):
        start, stop = max(0, top - _HALO), min(height, bottom + _HALO)
        feature = (image[..., start:stop, :] - mean) / std
        for index, block in enumerate(blocks):
            feature = block(feature)
            step = 2**index
            last = None if bottom == height else (bottom - start) // step
            own = feature[0, :, (top - start) // step : last].permute(1, 2, 0)
            pixels = own.reshape(-1, own.shape[-1])  # without a copy for channels-last features
            product = (pixels.T @ pixels).cpu()  # MPS has no float64
            totals[index] = totals[index] + product.double() / own.shape[-1]
    sizes = [(height // 2**index) * (width // 2**index) for index in range(len(blocks))]
    return [torch.as_tensor(total) / size for total, size in zip(totals, sizes, strict=True)]


def _strips(height: int, rows: int) -> Iterator[tuple[int, int]]:
    """Return the first and end row of each strip; strips start at multiples of the stride."""
    rows = rows // _STRIDE * _STRIDE
    tops = list(range(0, height - height % _STRIDE, rows))
    return zip(tops, [*tops[1:], height], strict=True)


def relative_distance(grams: Sequence[Tensor], target: Sequence[Tensor]) -> float:
    """Return the mean over taps of ‖G − T‖_F / ‖T‖_F."""
    ratios = [
        torch.linalg.norm(gram - goal) / torch.linalg.norm(goal)
        for gram, goal in zip(grams, target, strict=True)
    ]
    return float(torch.stack(ratios).mean())


def bounded_distance(grams: Sequence[Tensor], target: Sequence[Tensor]) -> float:
    """Return the mean over taps of ‖G − T‖_F / (‖G‖_F + ‖T‖_F), in [0, 1].

    Unlike the relative distance it is symmetric: an output with too much texture and one with too
    little count alike, and a style with little texture cannot make it large. Two matrices of zeros
    have the distance 0.
    """
    ratios = []
    for gram, goal in zip(grams, target, strict=True):
        scale = torch.linalg.norm(gram) + torch.linalg.norm(goal)
        ratios.append(torch.linalg.norm(gram - goal) / scale.clamp(min=torch.finfo().tiny))
    return float(torch.stack(ratios).mean())
