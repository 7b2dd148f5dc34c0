"""Counts agree with closed formulas, at sizes that are never run."""

from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from bench.profiling.macs import CONVOLUTION, count_macs, trace_macs
from bench.subjects import FULL_WIDTH, parse_subject
from pcakd.blocks import BlockDesign, Conv, MaxPool, Upsample, run_plain
from pcakd.coarse_to_fine import run_fast
from pcakd.students import StudentSpec, create_student
from pcakd.students.spec import decoder_blocks, encoder_blocks


@dataclass
class FakeSubject:
    """Two convolutions on the content, the first one on the style as well."""

    modules: tuple = field(
        default_factory=lambda: (nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 1))
    )

    def run_untiled(self, content, style):
        first, last = self.modules
        with torch.inference_mode():
            features = first(content)
            moment = first(style).flatten(2)[0]
            _, vectors = torch.linalg.eigh(moment @ moment.T)
            mixed = vectors @ features.flatten(2)[0]
            return last(torch.relu(mixed.view_as(features))).clamp(0, 1)


class StudentSubject:
    def __init__(self, spec):
        self.modules = (create_student(spec).eval(),)

    def run_untiled(self, content, style):
        return run_fast(self.modules[0], content[0], style[0], run_block=run_plain)[None]


def convolutions_per_pixel(spec):
    """Multiply-adds of encoder and decoder a pixel, from the stages alone."""
    total, scale = 0.0, 1.0
    for block in (*encoder_blocks(spec), *reversed(decoder_blocks(spec))):
        for stage in block:
            if isinstance(stage, Conv):
                scale /= stage.stride**2
                inputs = 1 if stage.depthwise else stage.in_channels
                total += scale * inputs * stage.out_channels * stage.kernel_size**2
            elif isinstance(stage, MaxPool):
                scale /= 4
            elif isinstance(stage, Upsample):
                scale *= 4
    return total


@pytest.mark.parametrize("size", [(48, 32), (720, 1280), (4320, 7680)])
def test_known_network(size):
    (count,) = count_macs(FakeSubject(), [size])
    pixels = size[0] * size[1]
    assert count.macs_content == pixels * (8 * 27 + 24)
    assert count.macs_by_operator == {
        CONVOLUTION: pixels * (2 * 8 * 27 + 24),
        "linalg_eigh": 9 * 8**3 // 2,
        "matmul": pixels * (64 + 64),
    }
    assert count.macs_total == sum(count.macs_by_operator.values())
    assert count.uncounted == {"clamp": 1, "relu": 1}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (StudentSpec(architecture="vgg19", ranks=(10, 20, 58, 64), colour_conv=True), 18_832.5),
        (StudentSpec(architecture="mobilenet_v1", ranks=(10, 19, 37, 54)), 2_465.46),
    ],
)
def test_authors_students(spec, expected):
    hd, eight_k = count_macs(StudentSubject(spec), [(720, 1280), (4320, 7680)])
    assert hd.macs_content / (720 * 1280) == pytest.approx(expected, abs=0.005)
    assert eight_k.macs_content == 36 * hd.macs_content
    assert hd.macs_content / (720 * 1280) == pytest.approx(convolutions_per_pixel(spec), rel=1e-9)


def test_students_of_inverted_blocks():
    inverted = BlockDesign(kind="inverted", stride=2, expansion=6.0, linear=True)
    spec = StudentSpec(architecture="designed", ranks=(2, 3, 4, 5), designs=(inverted,) * 4)
    (count,) = count_macs(StudentSubject(spec), [(720, 1280)])
    assert count.macs_content == pytest.approx(720 * 1280 * convolutions_per_pixel(spec), rel=1e-9)
    encoder = (3 * 12 * 9 + 12 * 9 + 12 * 2) / 4  # a stem, then depthwise, then projection
    scale = 4
    for k, n in ((2, 3), (3, 4), (4, 5)):
        encoder += k * 6 * k / scale + (6 * k * 9 + 6 * k * n) / (4 * scale)
        scale *= 4
    decoder = 5 * 3 * 9.0
    for k, n, pixels in ((2, 3, 4), (3, 4, 16), (4, 5, 64)):
        decoder += (n * k + k * k) * 9 / pixels
    assert convolutions_per_pixel(spec) == pytest.approx(encoder + decoder)


def test_full_width_vgg19_by_formula():
    assert convolutions_per_pixel(FULL_WIDTH["vgg19-full"]) == 482_778


@pytest.mark.slow
def test_full_width_vgg19_by_trace():
    (count,) = count_macs(parse_subject("vgg19-full").prepare("cpu"), [(1080, 1920)])
    assert count.macs_content == 482_778 * 1080 * 1920


@pytest.mark.slow
def test_padding_is_counted():
    spec = StudentSpec(architecture="mobilenet_v1", ranks=(2, 2, 2, 2))
    odd, padded = count_macs(StudentSubject(spec), [(1080, 1920), (1088, 1920)])
    assert odd.macs_content == padded.macs_content


def test_extension_equals_a_trace():
    subject = StudentSubject(StudentSpec(architecture="tiny", ranks=(2, 3, 4, 5)))
    (count,) = count_macs(subject, [(107, 122)])
    assert count.macs_by_operator == trace_macs(subject, (107, 122), (107, 122)).macs


def test_a_count_that_is_not_bilinear_is_refused():
    class Cubic:
        modules = ()

        def run_untiled(self, content, style):
            return content[0, 0] @ content[0, 0].T @ content[0, 0]

    with pytest.raises(ValueError, match="no bilinear function"):
        count_macs(Cubic(), [(720, 1280)])


@pytest.mark.parametrize("name", ["reinhard", "mkl", "content"])
def test_colour_transfers_have_no_network(name):
    (count,) = count_macs(parse_subject(name).prepare("cpu"), [(720, 1280)])
    assert count.macs_content == 0
    assert (count.macs_total > 0) == (name != "content")
