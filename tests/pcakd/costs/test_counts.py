import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from student_specs import DESIGNED, TINY
from torch.utils.flop_counter import FlopCounterMode

from pcakd.costs import TERMS, count_block, count_student, latency_terms, peak_bytes
from pcakd.students import StudentSpec, create_student, load_student
from pcakd.utils.resolutions import parse_resolution

ROOT = Path(__file__).parents[3]
VGG = StudentSpec(architecture="vgg16", ranks=(10, 20, 58, 64))
AUTHORS = StudentSpec(architecture="vgg19", ranks=(10, 20, 58, 64), colour_conv=True)
MOBILENET = StudentSpec(architecture="mobilenet_v1", ranks=(10, 19, 37, 54))
SPECS = [TINY, DESIGNED, VGG, AUTHORS, MOBILENET]
IDS = ["tiny", "designed", "vgg16", "authors", "mobilenet_v1"]


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_parameters_are_those_of_the_built_student(spec):
    assert count_student(spec).num_params == create_student(spec).num_params


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_multiply_adds_are_those_that_pytorch_counts(spec):
    side = 64
    student = create_student(spec).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        student.reconstruct(torch.zeros(1, 3, side, side))
    counted = counter.get_flop_counts()["Global"][torch.ops.aten.convolution]
    assert count_student(spec).macs * side * side == counted / 2


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_kinds_of_convolutions_add_up_to_both_paths(spec):
    counts = count_student(spec)
    kinds = counts.full_macs + counts.depthwise_macs + counts.pointwise_macs
    assert counts.macs < kinds < 2 * counts.macs  # the style is encoded alone


@given(
    st.sampled_from([TINY, DESIGNED, VGG, MOBILENET]),
    st.tuples(*[st.integers(1, 12)] * 4),
    st.integers(1, 4),
)
def test_a_block_depends_on_its_two_ranks_alone(spec, ranks, block):
    other = [1, 1, 1, 1]
    other[max(block - 2, 0) : block] = ranks[max(block - 2, 0) : block]
    one, two = (replace(spec, ranks=tuple(each)) for each in (ranks, other))
    assert count_block(one, block) == count_block(two, block)


@given(st.tuples(*[st.integers(1, 12)] * 4), st.integers(0, 3))
def test_no_cost_falls_with_a_rank(ranks, tap):
    larger = tuple(rank + (number == tap) for number, rank in enumerate(ranks))
    for spec in (DESIGNED, VGG, MOBILENET):
        one, two = (replace(spec, ranks=each) for each in (ranks, larger))
        terms = zip(*(latency_terms(count_student(each), 1000) for each in (one, two)), strict=True)
        assert all(low <= high for low, high in terms)
        assert peak_bytes(one, 1000) <= peak_bytes(two, 1000)


def test_terms_have_names():
    assert len(latency_terms(count_student(TINY), 100)) == len(TERMS)


@pytest.mark.parametrize("name", ["mobilenet_v1", "vgg16"])
def test_peak_memory_is_what_was_measured(name):
    measured = {}
    with (ROOT / "reports/cpu-students/records.jsonl").open(encoding="utf-8") as stream:
        for record in map(json.loads, stream):
            if record["case"]["subject"] == name and record.get("peak_bytes"):
                measured[record["case"]["resolution"]] = record["peak_bytes"]
    assert set(measured) >= {"HD", "4K", "8K"}
    spec = load_student(name).spec
    for resolution, peak in measured.items():
        predicted = peak_bytes(spec, parse_resolution(resolution).pixels, threads=2)
        assert predicted == pytest.approx(peak, rel=0.03), resolution
