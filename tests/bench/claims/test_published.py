"""The counts that stand as numbers are those of the architectures."""

from functools import partial

import pytest

from bench.claims.published import MOBILENET_STUDENT, VGG_STUDENT
from bench.profiling.macs import count_macs
from bench.subjects import Prepared
from pcakd.backbones import get_backbone_entry
from pcakd.blocks import run_plain
from pcakd.coarse_to_fine import run_fast
from pcakd.students import StudentSpec, create_student

CASES = [
    (
        VGG_STUDENT,
        StudentSpec(architecture="vgg19", ranks=(10, 20, 58, 64), colour_conv=True),
        (283_236, 50_816, 18_832),
    ),
    (
        MOBILENET_STUDENT,
        StudentSpec(architecture="mobilenet_v1", ranks=(10, 19, 37, 54)),
        (52_742, 20_096, 2_465),
    ),
]


@pytest.mark.parametrize(("student", "spec", "known"), CASES)
def test_counts_are_those_of_the_architecture(student, spec, known):
    network = create_student(spec)
    assert student.num_params == network.num_params == known[0]
    widths = get_backbone_entry(spec.architecture).widths
    bases = sum(width * rank for width, rank in zip(widths, spec.ranks, strict=True))
    assert student.num_eigenbasis_params == bases == known[1]
    run = partial(run_fast, network, run_block=run_plain)
    prepared = Prepared(modules=(network,), run=run)
    (count,) = count_macs(prepared, [(64, 80)])
    assert student.macs_per_pixel == count.macs_content / (64 * 80)
    assert int(student.macs_per_pixel) == known[2]
    assert all(str(rank) in student.architecture for rank in spec.ranks)


def test_what_the_paper_rounds():
    assert round(VGG_STUDENT.num_params / 1000) == 283
    mobilenet = MOBILENET_STUDENT
    assert mobilenet.num_params + mobilenet.num_eigenbasis_params == 72_838
