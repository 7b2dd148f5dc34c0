"""The encoder of a peer: a VGG teacher whose taps are scaled to a mean of 1."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.peers.vgg import VggAutoencoder
from pcakd.backbones import Backbone
from pcakd.backbones.interface import PaddedConv
from pcakd.backbones.vgg import IMAGENET_MEAN, IMAGENET_STD

ChannelMeans = Sequence[Float[Tensor, " c"]]
"""The mean of each channel at taps 1 to 4 (`pcakd.backbones.measure_channel_means`)."""


@torch.no_grad()
def copy_encoder(teacher: Backbone, autoencoder: VggAutoencoder) -> None:
    """Copy the weights of a VGG into an autoencoder's encoder; ``conv0`` pre-processes."""
    own = [layer.conv for block in (1, 2, 3, 4) for layer in autoencoder.encoder_layers(block)]
    scale = 1.0 / torch.tensor(IMAGENET_STD)
    own[0].weight.copy_(torch.diag(scale)[..., None, None])
    _set_bias(own[0], -torch.tensor(IMAGENET_MEAN) * scale)
    convs: Sequence[PaddedConv] = [m for m in teacher.modules() if isinstance(m, PaddedConv)]
    for target, source in zip(own[1:], convs, strict=True):
        target.weight.copy_(source.weight)
        _set_bias(target, source.bias)


def _set_bias(conv: nn.Conv2d, value: Tensor) -> None:
    assert conv.bias is not None  # noqa: S101 (built with one)
    conv.bias.copy_(value)
