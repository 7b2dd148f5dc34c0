"""DISTS against the code of its authors, on photographs."""

from pathlib import Path

import pytest
import torch
import torchvision
from photographs import load_photograph
from torch import nn
from torchvision.models.vgg import make_layers
from torchvision.transforms.functional import to_pil_image

from bench.quality.dists import SHORT_SIDE, DistsDistance, _load_channel_weights
from pcakd.errors import ShapeError
from pcakd.weights import load_weights

pytestmark = [pytest.mark.numerics, pytest.mark.weights]
PLAIN_VGG16 = [64, 64, "M", 128, 128, "M", *[256] * 3, "M", *[512] * 3, "M", *[512] * 3, "M"]


@pytest.fixture(scope="module")
def distance(weights_folder: Path) -> DistsDistance:
    del weights_folder
    state = torch.random.get_rng_state()
    loaded = DistsDistance(progress=False)
    assert torch.equal(torch.random.get_rng_state(), state)
    return loaded


@pytest.fixture(scope="module")
def authors(weights_folder: Path) -> nn.Module:
    """The network of the authors' package; it downloads what is given here."""
    del weights_folder
    from DISTS_pytorch import DISTS

    network = nn.Module()
    network.features = make_layers(PLAIN_VGG16, batch_norm=False)
    network.load_state_dict(load_weights("vgg16", "torchvision", progress=False).tensors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torchvision.models, "vgg16", lambda pretrained: network)
        dists: nn.Module = DISTS(load_weights=False)
    channels = _load_channel_weights()
    dists.load_state_dict(channels, strict=False)
    return dists


def load_pair(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    content = load_photograph("01_content", side, side + 37)
    cast = content * torch.tensor([1.0, 0.8, 0.6]).view(3, 1, 1)
    return (0.7 * cast + 0.3 * cast.roll(3, dims=-1)).clamp(0, 1), content


@pytest.mark.parametrize("side", [SHORT_SIDE, 97])
def test_small_images_have_the_distance_of_the_authors_code(
    distance: DistsDistance, authors: nn.Module, side: int
) -> None:
    output, content = load_pair(side)
    expected = authors(output, content).item()
    assert expected > 0.05
    assert distance(output, content) == pytest.approx(expected, abs=2e-5)


def test_larger_images_are_made_smaller_as_by_the_authors_code(
    distance: DistsDistance, authors: nn.Module
) -> None:
    from DISTS_pytorch.DISTS_pt import prepare_image

    pair = load_pair(600)
    expected = authors(*(prepare_image(to_pil_image(image[0]), resize=True) for image in pair))
    assert distance(*pair) == pytest.approx(expected.item(), abs=2e-3)  # they round to 8 bits


def test_texture_may_move(distance: DistsDistance) -> None:
    torch.manual_seed(0)
    one, other = (0.5 + 0.2 * torch.randn(1, 3, 256, 256) for _ in range(2))
    blurred = nn.functional.avg_pool2d(one, 5, stride=1, padding=2)
    assert distance(other, one) < 0.5 * distance(blurred, one)


def test_an_image_is_at_no_distance_from_itself(distance: DistsDistance) -> None:
    for _, content in map(load_pair, (31, 300)):
        assert distance(content, content) == pytest.approx(0.0, abs=1e-6)


def test_other_sizes_are_refused(distance: DistsDistance) -> None:
    image = torch.rand(1, 3, 31, 40)
    assert distance(image, 1 - image) > 0
    with pytest.raises(ShapeError, match="at least 31x31 px, this one is 40x30"):
        distance(image[..., :-1, :], image[..., :-1, :])
    with pytest.raises(ShapeError, match="the size of its content"):
        distance(image, image[..., :-1])
