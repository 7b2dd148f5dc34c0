"""Multiply-adds by section sum to fvcore's total; bytes agree with counts by hand."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F

from bench.baselines import BASELINES
from bench.filters.guided_reference import plain_guided_filter
from bench.peers import zoo
from bench.profiling.macs import CONVOLUTION, count_macs
from bench.profiling.traffic import (
    OTHER,
    OperatorCounter,
    _count_operators,
    count_filter,
    count_sections,
)
from bench.subjects import Prepared, list_subjects, parse_subject
from pcakd.blocks import run_plain
from pcakd.coarse_to_fine import run_fast
from pcakd.students import StudentSpec, create_student, list_students
from pcakd.utils.sections import instrument_sections, section

UNCOUNTED = ("histogram", "idt-regrain")
QUICK = [*list_students(), *BASELINES.names()]


def count_call(call):
    counter = OperatorCounter()
    with torch.inference_mode(), instrument_sections(counter.enter), counter:
        call()
    return {unit: counter.counts[OTHER, unit] for unit in ("macs", "bytes")}


def tiny():
    spec = StudentSpec(architecture="tiny", ranks=(2, 3, 4, 5))
    student = create_student(spec).eval()
    return Prepared(modules=(student,), run=partial(run_fast, student, run_block=run_plain))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *((name, (40, 56)) for name in QUICK),
        *((name, (360, 640)) for name in list_students()),  # several tiles
    ],
)
def test_sections_sum_to_the_total(name, size):
    subject = parse_subject(name)
    for transform in subject.transforms:
        prepared = subject.prepare(transform=transform)
        (count,) = count_macs(prepared, [size])
        sections = count_sections(prepared, *size)
        uncounted = [each for each, work in sections.items() if "opaque" in work]
        assert uncounted == (["transform"] if name in UNCOUNTED else [])
        assert sum(work["macs"] for work in sections.values()) == count.macs_total
        assert all(
            work["bytes"] > 0 for section, work in sections.items() if section not in uncounted
        )
        networks = sum(sections[each]["macs"] for each in ("encode", "decode") if each in sections)
        assert networks >= count.macs_by_operator.get(CONVOLUTION, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(list_subjects()) - set(QUICK) - set(zoo.list_names())))
def test_wide_networks_sum_to_the_total(name):
    prepared = parse_subject(name).prepare()
    (count,) = count_macs(prepared, [(64, 80)])
    sections = count_sections(prepared, 64, 80)
    assert sum(work["macs"] for work in sections.values()) == count.macs_total


def test_sections_of_a_network():
    sections = count_sections(tiny(), 720, 1280)
    assert set(sections) == {"encode", "covariance", "eigh", "transform", "decode", OTHER}
    # both images at four taps, whitening and colouring: 9/2 n³ for each of 2, 3, 4, 5 channels
    assert sections["eigh"]["macs"] == sum(2 * (9 * n**3 // 2) for n in (2, 3, 4, 5))


def test_colour_transfers_are_transforms():
    prepared = {name: parse_subject(name).prepare() for name in ("reinhard", "mkl", "content")}
    sections = {name: set(count_sections(each, 40, 56)) for name, each in prepared.items()}
    assert sections == {
        "reinhard": {"transform"},
        "mkl": {"transform", "covariance", "eigh"},
        "content": {"transform"},
    }


@pytest.mark.parametrize("size", [(106, 122), (128, 112)])
def test_an_extended_count_is_the_direct_one(size):
    subject = tiny()
    direct = _count_operators(subject, *size)
    extended = count_sections(subject, *size)
    assert {(s, u): n for s, work in extended.items() for u, n in work.items() if n} == direct


@pytest.mark.parametrize("size", [(40, 56), (200, 264)])
def test_the_filter_by_hand(size):
    """33 planes of box means (6 + 27 others), then products; the reflected border is summed too."""
    height, width = size
    wide, tall = height * (width + 61), (height + 61) * width
    box = (wide + height * width) + (tall + height * width) + height * width
    planes = {
        "products": 6 + 9,  # of colours with each other and with values
        "covariances": 2 * (6 + 9),
        "epsilon": 3,
        "cofactors": 6 * 3,
        "determinant": 5,
        "slopes": 9 * (5 + 1),
        "offsets": 3 * (5 + 1),
        "result": 3 * (5 + 1),
    }
    counted = count_filter(plain_guided_filter, height, width)
    assert counted["macs"] == 33 * box + sum(planes.values()) * height * width
    assert counted["bytes"] > 4 * 33 * 10 * height * width  # a box mean reads and writes ten times


def test_bytes_of_a_convolution():
    image, weight, bias = torch.rand(1, 3, 10, 12), torch.rand(8, 3, 3, 3), torch.rand(8)
    counted = count_call(lambda: F.conv2d(image, weight, bias))
    outputs = 8 * 8 * 10
    assert counted == {
        "macs": outputs * 27,
        "bytes": 4 * (3 * 10 * 12 + 8 * 27 + 8 + outputs),
    }


def test_bytes_of_other_convolutions():
    image, weight = torch.rand(1, 4, 6, 6), torch.rand(4, 2, 2, 2)
    assert count_call(lambda: F.conv_transpose2d(image, weight, stride=2)) == {
        "macs": 36 * 4 * 2 * 4,
        "bytes": 4 * (4 * 36 + 32 + 2 * 144),
    }
    depthwise = torch.rand(4, 1, 3, 3, dtype=torch.float64)
    assert count_call(lambda: F.conv2d(image.double(), depthwise, groups=4)) == {
        "macs": 16 * 36,
        "bytes": 8 * (4 * 36 + 36 + 64) + 12 * 4 * 36,  # and the widening of the image
    }


@pytest.mark.parametrize(
    ("call", "macs", "elements"),
    [
        (lambda x: x + x, 100, 300),  # two operands, one result
        (lambda x: x.add_(1.0), 100, 200),
        (lambda x: F.relu_(x), 0, 200),
        (lambda x: torch.sub(x, x, out=torch.empty(10, 10)), 100, 300),
        (lambda x: x.view(100).flatten().unsqueeze(0)[:, 3:], 0, 0),
        (lambda x: x.T.reshape(5, 20), 0, 200),  # a copy
        (lambda x: x[0].expand(10, 10) + x[0], 100, 120),
        (lambda x: torch.empty(10, 10).copy_(x), 0, 200),
        (lambda x: torch.empty(10, 10).fill_(1.0), 0, 100),
        (lambda x: x @ x, 1000, 300),
        (lambda x: x @ x[0], 100, 120),
        (lambda x: x.sum(dim=0), 100, 110),
        (lambda x: F.avg_pool2d(x[None, None], 2), 100, 125),
        (lambda x: F.interpolate(x[None, None], scale_factor=2, mode="bilinear"), 1600, 500),
    ],
)
def test_bytes_by_hand(call, macs, elements):
    image = torch.rand(10, 10)
    assert count_call(lambda: call(image)) == {"macs": macs, "bytes": 4 * elements}


def test_operators_count_in_the_innermost_section():
    counter = OperatorCounter()
    with instrument_sections(counter.enter), counter:
        image = torch.ones(4)
        with section("transform"):
            image = image * 2
            with section("eigh"):
                image = image * 2
            image * 2
    assert counter.counts["transform", "macs"] == 8
    assert counter.counts["eigh", "macs"] == 4
