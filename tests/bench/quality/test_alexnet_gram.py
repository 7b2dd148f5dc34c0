import warnings

import pytest
import torch
from lpips.pretrained_networks import alexnet as lpips_alexnet
from photographs import load_photograph
from torchvision.models import alexnet

from bench.quality.alexnet_gram import LAYERS, AlexnetGram, build_network, gram_matrices
from bench.quality.gram import bounded_distance
from pcakd.errors import ShapeError


@pytest.fixture(scope="module")
def tensors():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {f"features.{k}": v for k, v in alexnet(weights=None).features.state_dict().items()}


@pytest.fixture(scope="module")
def other_network(tensors):
    """Return the AlexNet of the package lpips, which gives the outputs of its five ReLUs."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore", UserWarning)
        network = lpips_alexnet(requires_grad=False, pretrained=False)
    for name, parameter in network.named_parameters():
        parameter.data = tensors["features." + name.split(".", 1)[1]]
    return network


def test_grams_are_those_of_the_network_of_lpips(tensors, other_network):
    image = load_photograph("03_style", 67, 90)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    taps = other_network((image - mean) / std)
    grams = gram_matrices(build_network(tensors), image)
    assert len(grams) == len(LAYERS)
    for gram, tap in zip(grams, taps, strict=True):
        feature = tap[0].double()
        expected = torch.einsum("ahw,bhw->ab", feature, feature) / feature.numel()
        torch.testing.assert_close(gram, expected, rtol=1e-4, atol=1e-7)


def test_too_small_an_image_is_named(tensors):
    network = build_network(tensors)
    with pytest.raises(ShapeError, match="at least 31x31 px, this one is 30x40"):
        gram_matrices(network, torch.zeros(1, 3, 40, 30))
    assert gram_matrices(network, torch.zeros(1, 3, 31, 31))[-1].shape == (256, 256)


@pytest.mark.weights
@pytest.mark.usefixtures("weights_folder")
def test_the_real_network_tells_photographs_apart():
    network = AlexnetGram(progress=False)
    one, other = (
        network.describe(load_photograph(f"01_{role}", 96, 128)) for role in ("content", "style")
    )
    assert bounded_distance(one, one) == 0
    assert 0.1 < bounded_distance(one, other) < 1
    assert network.protocol.startswith("alexnet_gram/1: alexnet-torchvision@")
