"""The networks of the peers."""

import pytest
import torch
from torch import nn

from bench.peers.registry import VGG_PEERS, get_vgg_peer


@pytest.fixture(scope="session")
def networks():
    """Return each peer of VGG with weights that keep the scale of what passes."""
    made = {}
    for name in VGG_PEERS:
        autoencoder = get_vgg_peer(name).create_seeded()
        for module in autoencoder.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, generator=torch.Generator().manual_seed(0))
        made[name] = get_vgg_peer(name).assemble(autoencoder)
    return made
