"""Quantised students: near their student, wide where they should be, and refused elsewhere."""

import pytest
import torch

from bench.quantization import QuantizedNetwork, load_calibration_pairs, quantize_student
from bench.quantization.network import QUANTIZED_BLOCKS
from bench.subjects import parse_subject
from pcakd.errors import ConfigError
from pcakd.pipeline import stylize
from pcakd.students import load_student

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


@pytest.fixture(scope="module")
def pairs():
    return load_calibration_pairs()


@pytest.fixture(scope="module")
def quantized(pairs) -> QuantizedNetwork:
    return quantize_student(load_student("mobilenet_v1"), pairs[:12], threads=1)


def test_calibration_photographs_are_the_shipped_pairs_and_variations(pairs):
    assert len(pairs) == 6 * 4
    for content, style in pairs:
        assert max(content.shape[-2:]) == max(style.shape[-2:]) == 256
        assert 0 <= float(content.min()) < float(content.max()) <= 1


def test_a_quantised_student_stylizes_like_its_student(quantized, pairs):
    student = load_student("mobilenet_v1")
    content, style = pairs[12]  # it was not calibrated on pair 04
    expected, found = (stylize(network, content, style) for network in (student, quantized))
    difference = (found - expected).abs()
    assert 1e-4 < float(difference.mean()) < 0.02  # 256 levels of maps show, but little
    assert torch.equal(stylize(quantized, content, style), found)
    other = stylize(quantized, content[:, :96, :160], style)  # any size
    assert other.shape == (3, 96, 160)


def test_pixels_are_read_and_written_in_float32(quantized):
    student = load_student("mobilenet_v1")
    image = torch.rand(1, 3, 64, 64)
    taps, sources = student.encode_with_sources(image)
    own = quantized.encode_block(1, image)[0]
    assert torch.equal(own, taps[0])
    decoded = quantized.decode_block(1, taps[0], sources[0])
    assert torch.equal(decoded, student.decode_block(1, taps[0], sources[0]))
    for block in QUANTIZED_BLOCKS:
        source = taps[block - 2]
        assert not torch.equal(quantized.encode_block(block, source)[0], taps[block - 1])


def test_channels_of_a_map_have_at_most_256_levels(quantized):
    image = torch.rand(1, 3, 64, 64)
    features = quantized.encode_block(1, image)[0]
    encoded = quantized.encode_block(2, features)[0]
    levels = [len(channel.unique()) for channel in encoded[0]]
    assert 1 < max(levels) <= 256
    assert encoded.dtype == torch.float32


def test_subjects_are_named_and_hashed_apart():
    plain, subject = parse_subject("mobilenet_v1"), parse_subject("mobilenet_v1+int8@zca")
    assert (subject.name, subject.precision) == ("mobilenet_v1+int8", "int8")
    assert subject.hash != plain.hash
    assert subject.num_params == plain.num_params
    content, style = torch.rand(1, 3, 48, 64), torch.rand(1, 3, 64, 48)
    assert subject.prepare("cpu", transform="zca")(content, style).shape == content.shape
    with pytest.raises(ConfigError, match="8-bit integers run on the CPU, not on meta"):
        subject.prepare("meta", transform="zca")


@pytest.mark.parametrize("text", ["photowct2+int8", "mkl+int8"])
def test_integers_are_for_students(text):
    with pytest.raises(ConfigError, match="drop"):
        parse_subject(text)


def test_no_photographs_are_refused():
    with pytest.raises(ConfigError, match="there are none"):
        quantize_student(load_student("mobilenet_v1"), [], threads=1)
