import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision.models.vgg import cfgs, make_layers

from bench.quality.gram import (
    LAYERS,
    GramDistance,
    bounded_distance,
    build_network,
    gram_matrices,
    relative_distance,
    split_at_taps,
)
from pcakd.errors import ShapeError


@pytest.fixture(scope="module")
def network() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = make_layers(cfgs["D"], batch_norm=False)
    return build_network({f"features.{name}": t for name, t in layers.state_dict().items()})


def random_image(seed: int, height: int, width: int) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def reference_grams(network: nn.Sequential, image: Tensor) -> list[Tensor]:
    """The definition: every tap kept whole, in float64."""
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    feature = (image - mean) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    grams = []
    for index, module in enumerate(network):
        feature = module(feature)
        if index in LAYERS.values():
            pixels = feature[0].double().flatten(1)
            grams.append(pixels @ pixels.T / pixels.numel())
    return grams


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99), height=st.integers(8, 130), width=st.integers(8, 40))
def test_strips_give_the_grams_of_the_whole_image(
    network: nn.Sequential, seed: int, height: int, width: int
) -> None:
    image = random_image(seed, height, width)
    expected = reference_grams(network, image)
    for pixels in (1, 24 * width, 10**6):
        found = gram_matrices(split_at_taps(network), image, strip_pixels=pixels)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, atol=1e-7, rtol=1e-4)


def test_the_taps_end_in_relu_at_their_widths(network: nn.Sequential) -> None:
    grams = gram_matrices(split_at_taps(network), random_image(0, 16, 16))
    assert [len(gram) for gram in grams] == [64, 128, 256, 512]
    assert all(isinstance(network[index], nn.ReLU) for index in LAYERS.values())


@pytest.mark.skipif(
    torch.__version__.startswith("2.6."), reason="its fake CUDA tensors need a driver"
)
def test_the_sums_are_doubled_on_the_cpu_only() -> None:
    with FakeTensorMode(allow_non_fake_inputs=True):
        grams = gram_matrices([nn.ReLU()], torch.rand(1, 3, 8, 8, device="cuda"))
    assert [(gram.device.type, gram.dtype) for gram in grams] == [("cpu", torch.float64)]


def test_the_distance_is_the_mean_of_relative_norms() -> None:
    target = [torch.eye(2), 2 * torch.eye(3)]
    assert relative_distance(target, target) == 0.0
    assert relative_distance([2 * torch.eye(2), torch.zeros(3, 3)], target) == pytest.approx(1.0)
    assert relative_distance([torch.eye(2), 3 * torch.eye(3)], target) == pytest.approx(0.25)


def test_the_bounded_distance_is_symmetric_and_at_most_one() -> None:
    one, other = [torch.eye(2), torch.eye(3)], [3 * torch.eye(2), torch.zeros(3, 3)]
    assert bounded_distance(one, other) == pytest.approx((0.5 + 1) / 2)
    assert bounded_distance(other, one) == bounded_distance(one, other)
    assert bounded_distance(one, one) == 0
    assert bounded_distance([torch.zeros(2, 2)], [torch.zeros(2, 2)]) == 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), scale=st.floats(1e-6, 1e6))
def test_the_bounded_distance_is_the_formula(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    grams = [rng.random((4, 4)) * scale, rng.random((6, 6))]
    target = [rng.random((4, 4)), rng.random((6, 6))]
    ratios = [
        np.sqrt(((g - t) ** 2).sum()) / (np.sqrt((g**2).sum()) + np.sqrt((t**2).sum()))
        for g, t in zip(grams, target, strict=True)
    ]
    found = bounded_distance(*([torch.from_numpy(m) for m in each] for each in (grams, target)))
    assert found == pytest.approx(np.mean(ratios))
    assert 0 <= found <= 1


@pytest.mark.parametrize(("height", "width"), [(7, 40), (40, 7), (1, 1)])
def test_too_small_an_image_is_named(network: nn.Sequential, height: int, width: int) -> None:
    with pytest.raises(ShapeError, match=f"this one is {width}x{height}"):
        gram_matrices(split_at_taps(network), random_image(0, height, width))


@pytest.mark.weights
@pytest.mark.usefixtures("weights_folder")
def test_the_real_network_tells_images_apart() -> None:
    distance = GramDistance(progress=False)
    one, other = random_image(1, 40, 48), random_image(2, 56, 32).square()
    ours, theirs = distance.describe(one), distance.describe(other)
    assert relative_distance(ours, ours) == 0.0
    assert relative_distance(ours, theirs) > 0.1
    assert distance.protocol.startswith("gram/1: vgg16-torchvision@")
    assert distance.bounded_protocol.startswith("bounded_gram/1: vgg16-torchvision@")
