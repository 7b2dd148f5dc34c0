"""The networks of the peers."""

import pytest
import torch
from torch import nn

from bench.peers.registry import PEERS


@pytest.fixture(scope="session")
def networks():
    """Return each peer with weights that keep the scale of what passes."""
    made = {}
    for name in PEERS.names():
        autoencoder = PEERS.get(name).create_seeded()
        for module in autoencoder.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, generator=torch.Generator().manual_seed(0))
        made[name] = PEERS.get(name).assemble(autoencoder)
    return made
