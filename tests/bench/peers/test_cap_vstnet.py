"""CAP-VSTNet: reversibility, counts, the released code's order of pixels, Cholesky factors."""

import copy
import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from seeded_inputs import seeded_photo

from bench.peers.cap_vstnet import CapVstNet, fit_cholesky, squeeze, unsqueeze
from bench.peers.registry import PEERS, get_vgg_peer
from bench.profiling.macs import count_macs
from bench.profiling.traffic import count_sections
from bench.subjects import parse_subject
from pcakd import tiling
from pcakd.errors import ConfigError, NumericalError, UnknownNameError
from pcakd.linalg import Statistics, measure_statistics
from pcakd.transforms import apply_affine
from pcakd.utils import threads


@pytest.fixture(scope="module")
def network():
    made = PEERS.get("cap-vstnet").create_network()
    assert isinstance(made, CapVstNet)
    return made.double()


def test_decoding_inverts_encoding(network):
    image = seeded_photo(40, 28).double()[None]
    features = network.encode(image)
    assert features.shape == (1, 32, 40, 28)
    assert features.std(dim=(0, 2, 3)).min() > 0.01  # each channel carries something
    torch.testing.assert_close(network.decode(features), image)


def test_the_style_of_the_content_itself_changes_nothing(network):
    image = seeded_photo(39, 30).double()
    torch.testing.assert_close(network.stylize(image, image), image)


def test_tiles_give_what_whole_maps_give(network, monkeypatch):
    monkeypatch.setattr(tiling, "_CPU_TILE_BYTES", 1 << 14)
    content, style = seeded_photo(50, 70).double(), seeded_photo(44, 60, seed=1).double()
    result = PEERS.get("cap-vstnet").stylize(network, content, style, "cholesky")
    assert result.shape == content.shape
    assert (result - content).abs().mean() > 0.01
    torch.testing.assert_close(result, network.stylize(content, style, tiled=False))


def test_the_seed_is_that_of_the_name():
    made = [PEERS.get("cap-vstnet").create_network().state_dict() for _ in range(2)]
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])


def _residual(channels, scale, outer=None):
    inner = channels // 4
    pixels = 9 * ((outer or channels) * inner + inner * inner + inner * channels)
    return Fraction(pixels, scale * scale)


def test_content_macs_are_those_of_the_layers():
    expected = 10 * _residual(16, 1) + _residual(64, 2, outer=16) + 9 * _residual(64, 2)
    expected += _residual(256, 4, outer=64) + 11 * _residual(256, 4)
    (count,) = count_macs(parse_subject("cap-vstnet").prepare(), [(48, 64)])
    assert count.macs_content == 2 * expected * 48 * 64  # forwards and backwards
    assert not {name for name in count.uncounted if "linalg" in name}
    sections = count_sections(parse_subject("cap-vstnet").prepare(), 48, 64)
    assert sum(each["macs"] for each in sections.values()) == count.macs_total


def test_pixels_go_into_channels_in_the_order_of_the_released_code():
    features = torch.randn(2, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    squeezed = squeeze(features)
    for row, column, channel in itertools.product(range(2), range(2), range(3)):
        expected = features[:, channel, row::2, column::2]
        assert torch.equal(squeezed[:, (2 * row + column) * 3 + channel], expected)
    assert torch.equal(unsqueeze(squeezed), features)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_memory_format_stays(network, layout):
    features = torch.randn(1, 4, 6, 8).contiguous(memory_format=layout)
    assert squeeze(features).is_contiguous(memory_format=layout)
    assert unsqueeze(features).is_contiguous(memory_format=layout)
    image = seeded_photo(16, 24).double()[None].contiguous(memory_format=layout)
    assert network.encode(image).is_contiguous(memory_format=layout)


def test_two_streams_come_back_as_one_map_of_their_channels():
    features = torch.randn(1, 8, 4, 6)
    assert torch.equal(unsqueeze(*features.chunk(2, dim=1)), unsqueeze(features))


def test_threads_with_tiles_of_their_own_give_the_same(network, monkeypatch):
    monkeypatch.setattr(threads, "_LEAST_PIXELS", 1)
    monkeypatch.setattr(tiling, "_CPU_TILE_BYTES", 1 << 14)
    content, style = seeded_photo(50, 70).double(), seeded_photo(44, 60, seed=1).double()
    expected = network.stylize(content, style, tiled=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        result = PEERS.get("cap-vstnet").stylize(network, content, style, "cholesky")
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(result, expected)


def _features(seed, channels=5):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=generator).double()
    mean = torch.randn(channels, 1, generator=generator).double()
    noise = torch.randn(channels, 600, generator=generator).double()
    return (mean + mixing @ noise).reshape(channels, 20, 30)


def test_cholesky_factors_give_the_moments_of_the_style():
    content, style = _features(0), _features(1)
    target = measure_statistics(style)
    affine = fit_cholesky(measure_statistics(content), target)
    mapped = measure_statistics(apply_affine(content[None], affine)[0])
    torch.testing.assert_close(mapped.mean, target.mean)
    torch.testing.assert_close(mapped.covariance, target.covariance)
    own, wanted = (np.linalg.cholesky(np.cov(each.flatten(1))) for each in (content, style))
    np.testing.assert_allclose(affine.matrix, wanted @ np.linalg.inv(own), rtol=1e-8, atol=1e-12)


def test_features_without_variance_have_factors_too():
    flat = Statistics(mean=torch.ones(3).double(), covariance=torch.zeros(3, 3).double())
    affine = fit_cholesky(flat, flat)
    torch.testing.assert_close(affine.matrix, torch.eye(3).double())


def test_features_that_are_not_finite_are_refused():
    wrong = Statistics(mean=torch.ones(3), covariance=torch.full((3, 3), torch.nan))
    with pytest.raises(NumericalError, match="not finite"):
        fit_cholesky(wrong, wrong)


def test_it_has_no_choice_of_a_transform_and_no_quality():
    subject = parse_subject("cap-vstnet")
    assert (subject.transforms, subject.has_quality, subject.has_cost) == (
        ("cholesky",),
        False,
        True,
    )
    assert parse_subject("cap-vstnet@cholesky").transforms == ("cholesky",)
    with pytest.raises(ConfigError, match=r"cap-vstnet has the transforms cholesky$"):
        parse_subject("cap-vstnet@zca")
    with pytest.raises(ConfigError, match="photowct2 has the transforms zca, ot, adain"):
        parse_subject("photowct2@cholesky")
    with pytest.raises(UnknownNameError, match="transform 'cholesky' is not known"):
        parse_subject("vgg16@cholesky")


def test_its_decoder_is_not_trained_here():
    with pytest.raises(ConfigError, match=r"not trained here; trainable: .*photowct2"):
        get_vgg_peer("cap-vstnet")


def test_half_precision_is_close():
    content, style = seeded_photo(32, 48), seeded_photo(32, 40, seed=1)
    wide, narrow = (
        parse_subject(f"cap-vstnet{suffix}").prepare()(content[None], style[None])
        for suffix in ("", "+bf16")
    )
    assert (wide - narrow).abs().mean() < 0.05


def test_another_network_is_refused(network):
    other = copy.deepcopy(network.stack)
    with pytest.raises(TypeError, match="expected CapVstNet"):
        PEERS.get("cap-vstnet").stylize(
            other, seeded_photo(16, 16), seeded_photo(16, 16), "cholesky"
        )
