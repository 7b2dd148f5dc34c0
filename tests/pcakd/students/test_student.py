"""Students made of a specification: layers, seeds, regularizers, calls."""

import pytest
import torch
from student_specs import DESIGNED, TINY

from pcakd.blocks import BlockDesign
from pcakd.errors import ConfigError
from pcakd.pipeline import stylize
from pcakd.students import StudentSpec, create_student, load_student, save_student

pytestmark = pytest.mark.numerics


@pytest.mark.parametrize(
    ("architecture", "ranks", "colour_conv", "parameters"),
    [
        ("vgg19", (10, 20, 58, 64), True, 283_236),
        ("vgg19", (10, 20, 58, 64), False, 283_224),
        ("vgg16", (10, 20, 58, 64), False, 252_890),
        ("mobilenet_v1", (10, 19, 37, 54), False, 52_742),
    ],
)
def test_parameter_counts(architecture, ranks, colour_conv, parameters):
    spec = StudentSpec(architecture=architecture, ranks=ranks, colour_conv=colour_conv)
    assert create_student(spec).num_params == parameters


@pytest.mark.parametrize(
    "spec",
    [
        *(
            StudentSpec(architecture=architecture, ranks=(3, 4, 5, 6))
            for architecture in ("vgg16", "vgg19", "mobilenet_v1", "tiny")
        ),
        DESIGNED,
    ],
)
def test_each_tap_has_its_stride_and_each_decoder_undoes_it(spec):
    student = create_student(spec)
    image = torch.rand(1, 3, 2 * spec.stride, spec.stride)
    with torch.inference_mode():
        sources = [image, *student.encode(image)]
        assert [s.shape[1] for s in sources[1:]] == [3, 4, 5, 6]
        assert sources[-1].shape[-2:] == (2, 1)
        for block in (4, 3, 2, 1):
            decoded = student.decode_block(block, sources[block], sources[block - 1])
            assert decoded.shape == sources[block - 1].shape


def test_designed_students_have_blocks_of_their_kinds():
    student = create_student(DESIGNED)
    convs = [
        [
            (c.out_channels, c.kernel_size[0], c.stride[0], c.groups)
            for c in (layer.conv for layer in student.encoder.layers(block))
        ]
        for block in (1, 2, 3, 4)
    ]
    assert convs == [
        [(18, 3, 2, 1), (18, 3, 1, 18), (3, 1, 1, 1)],  # a stem in place of the expansion
        [(3, 3, 2, 3), (4, 1, 1, 1)],
        [(24, 1, 1, 1), (24, 3, 2, 24), (5, 1, 1, 1)],
        [(6, 3, 1, 1), (6, 3, 1, 1)],
    ]  # fmt: skip
    taps = [student.encoder.layers(block)[-1] for block in (1, 2, 3, 4)]
    assert [tap.relu for tap in taps] == [False, True, False, True]
    assert all(tap.makes_features for tap in taps)
    # a decoder block ends as the tap that it leads to, or in pixels
    ends = [student.decoder.layers(block)[-1] for block in (1, 2, 3, 4)]
    assert [end.relu for end in ends] == [False, False, True, False]
    assert [end.makes_features for end in ends] == [False, True, True, True]


@pytest.mark.parametrize("kind", ["conv", "separable", "inverted"])
def test_a_stride_of_four_is_made_of_two(kind):
    design = BlockDesign(kind=kind, stride=4)
    flat = BlockDesign(kind=kind, stride=1)
    for designs in ((design, design, flat, flat), (flat, design, flat, design)):
        spec = StudentSpec(architecture="designed", ranks=(3, 4, 5, 6), designs=designs)
        assert spec.stride == 16
        student = create_student(spec)
        with torch.inference_mode():
            assert student.reconstruct(torch.rand(1, 3, 32, 16)).shape == (1, 3, 32, 16)


def test_seeds_decide_weights_and_leave_the_global_generator_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    first, again, other = (create_student(TINY, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    weights = [s.encoder.layers(1)[0].conv.weight for s in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_student_may_have_a_regularizer_for_each_tap(tmp_path):
    student = create_student(TINY, regularizer=(0.1, 0.5, 2.0, 4.0))
    assert [student.regularizer_at(tap) for tap in (1, 2, 3, 4)] == [0.1, 0.5, 2.0, 4.0]
    assert student.scale_regularizer(10.0) == (1.0, 5.0, 20.0, 40.0)
    save_student(tmp_path / "s.safetensors", student)
    assert load_student(tmp_path / "s.safetensors").regularizer == (0.1, 0.5, 2.0, 4.0)
    with pytest.raises(ConfigError, match="one number or four"):
        create_student(TINY, regularizer=(0.1, 0.5, 2.0, float("nan")))


def test_a_student_stylizes_when_it_is_called():
    student = create_student(TINY).eval().requires_grad_(False)
    content, style = torch.rand(3, 20, 24), torch.rand(3, 18, 16)
    found = student(content, style, transform="ot", strength=0.5)
    assert torch.equal(found, stylize(student, content, style, transform="ot", strength=0.5))
