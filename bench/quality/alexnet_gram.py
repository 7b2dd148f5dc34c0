"""Bounded Gram style distance through AlexNet, the network of LPIPS."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models import alexnet

from bench.quality.gram import IMAGENET_MEAN, IMAGENET_STD
from bench.quality.protocol import alexnet_gram_protocol, describe_size
from bench.quality.sizes import MIN_CONTENT_SIDE
from pcakd.errors import ShapeError
from pcakd.weights import load_weights

LAYERS: Mapping[str, int] = {"relu1": 1, "relu2": 4, "relu3": 7, "relu4": 9, "relu5": 11}
"""The taps, those of LPIPS, and their modules in torchvision's ``alexnet().features``."""

MIN_SIDE = MIN_CONTENT_SIDE
"""The shortest side in pixels that leaves a feature at relu5."""


class AlexnetGram:
    """Gram matrices of torchvision's AlexNet, for `bench.quality.gram.bounded_distance`.

    A second network tells whether a style score holds beyond the one that it is usually computed
    with. Images are not cut into strips: at 8K the features of relu1 need 0.5 GiB.

    Source: as `bench.quality.gram.GramDistance`; the network is that of LPIPS.
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
            WeightsError: The weights of torchvision's AlexNet are not found.
        """
        weights = load_weights("alexnet", "torchvision", progress=progress)
        self.device = torch.device(device)
        self.protocol = alexnet_gram_protocol(
            weights.card.sha256, tuple(LAYERS), size or describe_size()
        )
        self._network = build_network(weights.tensors).to(self.device)

    def describe(self, image: Float[Tensor, "1 3 h w"]) -> list[Float[Tensor, "c c"]]:
        """Return the Gram matrices of an RGB image in [0, 1] at the five taps.

        They are float64 on the CPU.

        Raises:
            ShapeError: A side is shorter than 31 px.
        """
        return gram_matrices(self._network, image.to(self.device))


def build_network(tensors: Mapping[str, Tensor]) -> nn.Sequential:
    """Return torchvision's AlexNet up to relu5 with the given ``features.N.weight`` tensors."""
    with torch.device("meta"):  # without random numbers
        network: nn.Sequential = alexnet(weights=None).features[: LAYERS["relu5"] + 1]
    state = {name: tensors[f"features.{name}"] for name in network.state_dict()}
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


@torch.inference_mode()
def gram_matrices(
    network: nn.Sequential, image: Float[Tensor, "1 3 h w"]
) -> list[Float[Tensor, "c c"]]:
    """Return FFᵀ/(C·H·W) at the taps of `build_network`, float64 on the CPU.

    Args:
        network: `build_network`.
        image: RGB in [0, 1], on the device of the network.

    Raises:
        ShapeError: A side is shorter than 31 px.
    """
    height, width = image.shape[-2:]
    if min(height, width) < MIN_SIDE:
        raise ShapeError(
            f"the Gram distance of AlexNet needs images of at least {MIN_SIDE}x{MIN_SIDE} px, "
            f"this one is {width}x{height}; use a larger one"
        )
    mean, std = (image.new_tensor(v).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    feature = (image - mean) / std
    grams = []
    for index, module in enumerate(network):
        feature = module(feature)
        if index in LAYERS.values():
            pixels = feature[0].flatten(1)
            product = (pixels @ pixels.T).cpu()  # MPS has no float64
            grams.append(product.double() / pixels.numel())
    return grams
