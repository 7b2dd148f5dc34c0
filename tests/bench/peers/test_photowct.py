"""PhotoWCT's levels."""

import torch

from bench.peers.photowct import PhotoWCT


def test_levels_of_photowct_share_their_weights(networks):
    network = networks["photowct"]
    assert isinstance(network, PhotoWCT)
    deepest = network.levels[-1].state_dict()
    for level in network.levels:
        for name, tensor in level.state_dict().items():
            assert torch.equal(tensor, deepest[name])
