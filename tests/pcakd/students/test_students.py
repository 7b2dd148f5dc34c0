import json
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pcakd.blocks import BlockDesign, Conv, ConvLayer
from pcakd.blocks.padding import pad_reflect
from pcakd.blocks.residuals import high_frequencies
from pcakd.distillation.norms import prepare_layers
from pcakd.errors import ConfigError, OutputError, PcakdError, StudentFileError, UnknownNameError
from pcakd.pipeline import stylize
from pcakd.students import StudentSpec, create_student, list_students, load_student, save_student
from pcakd.utils.files import write_safetensors

TINY = StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))
INVERTED = BlockDesign(kind="inverted", stride=2, expansion=6.0, linear=True)
SEPARABLE = BlockDesign(kind="separable", stride=2)
DESIGNED = StudentSpec(
    architecture="designed",
    ranks=(3, 4, 5, 6),
    designs=(INVERTED, SEPARABLE, INVERTED, BlockDesign(kind="conv", stride=1)),
)


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


@given(st.booleans(), st.sampled_from([1, 2]), st.integers(0, 100))
@settings(max_examples=20)
def test_folding_changes_nothing_but_the_cost(depthwise, stride, seed):
    torch.manual_seed(seed)
    layer = ConvLayer(Conv(in_channels=5, out_channels=5, stride=stride, depthwise=depthwise))
    prepare_layers([layer])
    layer.norm.train()
    layer.standardize_input(torch.randn(5), torch.rand(5) + 0.5)
    for _ in range(3):
        layer(torch.randn(2, 5, 8, 8))
    layer.eval()
    image = torch.randn(1, 5, 9, 8)
    with torch.no_grad():
        before = layer(image)
        layer.fold()
        assert layer.norm is None
        assert layer.input_mean is None
        torch.testing.assert_close(layer(image), before, rtol=1e-4, atol=1e-5)


def test_residuals_are_what_a_mean_of_nine_leaves():
    image = torch.rand(1, 2, 6, 5)
    padded = torch.nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")
    mean = sum(padded[:, :, i : i + 6, j : j + 5] for i in range(3) for j in range(3)) / 9
    torch.testing.assert_close(high_frequencies(image), image - mean)


def test_one_pixel_is_padded_by_repetition():
    assert torch.equal(
        pad_reflect(torch.full((1, 1, 1, 1), 2.0), before=1, after=1), torch.full((1, 1, 3, 3), 2.0)
    )


def test_files_round_trip(tmp_path):
    student = create_student(TINY, regularizer=0.5)
    student.eigenbases = (torch.eye(8)[:, :4],)
    student.channel_means = (torch.arange(8.0),)
    student.card = {"name": "tiny"}
    path = tmp_path / "tiny.safetensors"
    save_student(path, student)
    loaded = load_student(path)
    assert loaded.spec == TINY
    assert loaded.regularizer == 0.5
    assert loaded.card == {"name": "tiny"}
    assert loaded.num_eigenbasis_params == 32
    assert torch.equal(loaded.channel_means[0], torch.arange(8.0))
    for name, tensor in student.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
    assert list(tmp_path.iterdir()) == [path]


def test_files_of_designed_students_round_trip(tmp_path):
    student = create_student(DESIGNED)
    save_student(tmp_path / "s.safetensors", student)
    loaded = load_student(tmp_path / "s.safetensors")
    assert loaded.spec == DESIGNED
    image = torch.rand(1, 3, 16, 24)
    with torch.inference_mode():
        assert torch.equal(loaded.reconstruct(image), student.reconstruct(image))


def _spoil(path, change):
    student = create_student(TINY)
    header = {
        "format": "pcakd-student",
        "version": 1,
        "architecture": "tiny",
        "ranks": [4, 6, 8, 10],
        "colour_conv": False,
        "regularizer": 1.0,
        "card": {},
    }
    tensors = dict(student.state_dict())
    change(header, tensors)
    write_safetensors(path, tensors, {"pcakd": json.dumps(header)})


def _design(header, ranks=(4, 6, 8, 10), **change):
    design = {"kind": "inverted", "stride": 2, "expansion": 6.0, "linear": True} | change
    header.update(architecture="designed", ranks=list(ranks), designs=[design] * 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, t: t["encoder.blocks.0.0.conv.bias"].fill_(float("nan")), "not finite"),
        (lambda h, t: t.pop("encoder.blocks.0.0.conv.bias"), "is absent"),
        (lambda h, t: t.update(extra=torch.zeros(1)), "should be absent"),
        (lambda h, t: h.update(version=2), "format version 2"),
        (lambda h, t: h.update(format="x"), "not of a student"),
        (lambda h, t: h.update(ranks=[4, 6, 8]), "header damaged"),
        (lambda h, t: h.update(ranks=[10**9, 6, 8, 10]), "header damaged"),
        (lambda h, t: h.update(ranks=[4096] * 4), "should be"),  # 10 GB, if they were made
        (lambda h, t: h.update(ranks="abcd"), "header damaged"),
        (lambda h, t: h.update(regularizer="big"), "header damaged"),
        (lambda h, t: h.update(architecture="resnet"), "header damaged"),
        (lambda h, t: h.update(architecture="designed"), "needs designs of its four blocks"),
        (lambda h, t: h.update(designs=[{"kind": "conv", "stride": 2}] * 4), "takes no designs"),
        (lambda h, t: _design(h, kind="attention"), "a block is one of conv, separable, inverted"),
        (lambda h, t: _design(h, stride=3), "stride must be 1, 2 or 4, got 3"),
        (lambda h, t: _design(h, stride=4), "multiply to over 16"),
        (lambda h, t: _design(h, stride=True), "stride must be"),
        (lambda h, t: _design(h, expansion=1e300), "an expansion must lie in"),
        (lambda h, t: _design(h, expansion=float("nan")), "an expansion must lie in"),
        (lambda h, t: _design(h, linear="no"), "linear must be true or false"),
        (lambda h, t: _design(h, depth=9), "header damaged"),
        (lambda h, t: h.update(architecture="designed", designs=[1, 2, 3, 4]), "header damaged"),
        (lambda h, t: h.update(architecture="designed", designs=7), "header damaged"),
        (lambda h, t: _design(h, ranks=[4096] * 4, expansion=16.0), "should be"),
        (lambda h, t: h.pop("card"), "header damaged"),
    ],
)
def test_spoilt_files_are_refused_in_one_line(tmp_path, change, message):
    path = tmp_path / "bad.safetensors"
    _spoil(path, change)
    with pytest.raises(StudentFileError, match=message) as caught:
        load_student(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_pickle_is_not_opened(tmp_path):
    path = tmp_path / "evil.safetensors"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(StudentFileError, match="cannot be read as safetensors"):
        load_student(path)


def test_unknown_names_and_missing_files():
    with pytest.raises(UnknownNameError, match="student 'vgg' is not known"):
        load_student("vgg")
    with pytest.raises(StudentFileError, match="is not a file"):
        load_student("nowhere/student.safetensors")


def test_specs_are_checked():
    with pytest.raises(ConfigError, match="four positive integers"):
        StudentSpec(architecture="tiny", ranks=(1, 2, 3, 0))
    with pytest.raises(ConfigError, match="no convolution of colours"):
        StudentSpec(
            architecture="designed", ranks=(1, 1, 1, 1), colour_conv=True, designs=DESIGNED.designs
        )
    with pytest.raises(UnknownNameError, match="architecture 'vgg18'"):
        StudentSpec(architecture="vgg18", ranks=(1, 1, 1, 1))
    with pytest.raises(ConfigError, match="regularizer"):
        create_student(TINY, regularizer=float("nan"))


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        save_student(tmp_path / "no" / "s.safetensors", create_student(TINY))


@pytest.mark.parametrize("name", list_students())
def test_shipped_students_carry_a_card(name):
    student = load_student(name)
    assert student.card["num_params"] == student.num_params
    assert student.num_eigenbasis_params == student.card["num_eigenbasis_params"]
    assert not any(p.requires_grad for p in student.parameters())


def test_errors_share_one_base():
    assert issubclass(StudentFileError, PcakdError)


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


def test_loaded_students_are_in_eval_mode_frozen_and_on_a_device_of_this_machine():
    student = load_student("mobilenet_v1", device="cpu")
    assert not student.training
    assert not any(parameter.requires_grad for parameter in student.parameters())
    with pytest.raises(ConfigError, match="cuda:77"):
        load_student("mobilenet_v1", device="cuda:77")
