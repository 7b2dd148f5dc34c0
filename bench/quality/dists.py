"""DISTS between an output and its content: piq's formula with the weights of the authors."""

from importlib.metadata import version
from importlib.resources import as_file, files

import piq
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models.vgg import make_layers

from bench.quality.protocol import describe_size, dists_protocol
from bench.quality.sizes import MIN_CONTENT_SIDE, require_sizes
from pcakd.weights import hash_tensors, load_weights

SHORT_SIDE = 256
"""Larger images are downscaled so that their shorter side has this many pixels."""

_LAYERS = {"relu1_2": 3, "relu2_2": 8, "relu3_3": 15, "relu4_3": 22, "relu5_3": 29}
_CHANNELS = (3, 64, 128, 256, 512, 512)  # of the image and of each layer


class DistsDistance:
    """Deep image structure and texture similarity, as a distance.

    Means and covariances of features are compared channel by channel, so that texture may move.
    Large images are made smaller to the size at which the metric was fitted.

    Source: Ding et al., "Image Quality Assessment: Unifying Structure and Texture Similarity",
    TPAMI 2020. The formula is piq's, and the weights of channels are those of the authors' package
    ``DISTS-pytorch``. Those of VGG-16 come from ``pcakd.weights``, because both packages would
    download them.
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
        channels = _load_channel_weights()
        self.device = torch.device(device)
        self.protocol = dists_protocol(
            weights.card.sha256,
            hash_tensors(channels),
            version("piq"),
            SHORT_SIDE,
            size or describe_size(),
        )
        features = _build_features(weights.tensors)
        if self.device.type == "cpu":  # oneDNN's convolutions are faster in it
            features = features.to(memory_format=torch.channels_last)
        self._network = _Network(features, channels).to(self.device)

    @torch.inference_mode()
    def __call__(
        self, output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h w"]
    ) -> float:
        """Return the distance of two RGB images in [0, 1]; 0 for equal ones.

        Raises:
            ShapeError: The sizes differ, or a side is shorter than 31 px.
        """
        require_sizes("DISTS", output, content, min_side=MIN_CONTENT_SIDE)
        one, other = (_shrink(image.to(self.device)).clamp(0, 1) for image in (output, content))
        return max(0.0, float(self._network(one, other)))


class _Network(piq.DISTS):  # type: ignore[misc]  # piq has no types
    """piq's DISTS with given weights; its own constructor downloads them."""

    def __init__(self, features: nn.Sequential, channels: dict[str, Tensor]) -> None:
        weights = [
            part for each in channels.values() for part in torch.split(each, list(_CHANNELS), dim=1)
        ]
        piq.ContentLoss.__init__(
            self,
            features,
            layers=[str(index) for index in _LAYERS.values()],
            weights=weights,
            replace_pooling=True,
            allow_layers_weights_mismatch=True,
        )


def _load_channel_weights() -> dict[str, Tensor]:
    """Read the weights of means (alpha) and covariances (beta), tensors only; their sum is 1."""
    with as_file(files("DISTS_pytorch") / "weights.pt") as path:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    weights = {name: state[name] for name in ("alpha", "beta")}
    total = sum(each.sum() for each in weights.values())
    return {name: each / total for name, each in weights.items()}


def _build_features(tensors: dict[str, Tensor]) -> nn.Sequential:
    """Return torchvision's VGG-16 up to relu5_3 with the given ``features.N.weight`` tensors."""
    blocks = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512]
    with torch.device("meta"):  # without random numbers
        network: nn.Sequential = make_layers(blocks, batch_norm=False)
    state = {name: tensors[f"features.{name}"] for name in network.state_dict()}
    network.load_state_dict(state, assign=True)
    return network.eval()


def _shrink(image: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "1 3 h2 w2"]:
    """Downscale an image to `SHORT_SIDE`, as the authors' ``prepare_image`` does."""
    height, width = image.shape[-2:]
    shorter = min(height, width)
    if shorter <= SHORT_SIDE:
        return image
    size = [side * SHORT_SIDE // shorter for side in (height, width)]
    return interpolate(image, size=size, mode="bilinear", antialias=True, align_corners=False)
