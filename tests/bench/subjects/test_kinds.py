"""Kinds of subjects: results, variations, hashes."""

from pathlib import Path

import pytest
import torch

from bench.baselines import BASELINES, REVISIONS
from bench.subjects import (
    FULL_WIDTH,
    Variation,
    kinds,
    list_subjects,
    parse_subject,
)
from pcakd.blocks import BlockDesign
from pcakd.errors import ConfigError
from pcakd.pipeline import stylize
from pcakd.students import StudentSpec, create_student, save_student


def random_image(seed: int, height: int = 40, width: int = 33) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_a_student_file_is_a_subject_named_by_its_stem(student_file: Path) -> None:
    subject = parse_subject(f"{student_file}@ot")
    assert subject.name == "odd+name@home"
    assert subject.transforms == ("ot",)
    assert subject.has_quality
    student = create_student(StudentSpec(architecture="tiny", ranks=(2, 3, 4, 5))).eval()
    student.requires_grad_(False)
    assert subject.num_params == student.num_params
    content, style = random_image(1), random_image(2, 24, 50)
    expected = stylize(student, content[0], style[0], transform="ot")
    torch.testing.assert_close(subject.prepare()(content, style)[0], expected)
    other = stylize(student, content[0], style[0], transform="adain")
    found = subject.prepare(transform="adain")(content, style)[0]
    torch.testing.assert_close(found, other)


def test_a_student_varies_its_strength_and_its_regularizer(student_file: Path) -> None:
    subject = parse_subject(str(student_file))
    assert subject.regularizers == (1.0, 1.0, 1.0, 1.0)
    content, style = random_image(1), random_image(2, 24, 50)
    student = create_student(StudentSpec(architecture="tiny", ranks=(2, 3, 4, 5))).eval()
    student.requires_grad_(False)
    half = subject.prepare(variation=Variation(strength=0.5))(content, style)[0]
    torch.testing.assert_close(half, stylize(student, content[0], style[0], strength=0.5))
    student.regularizer = 10.0
    varied = subject.prepare(variation=Variation(regularizer=10.0))(content, style)[0]
    torch.testing.assert_close(varied, stylize(student, content[0], style[0]))
    own = subject.prepare()(content, style)[0]  # the subject is unchanged
    assert not torch.equal(own, varied)


@pytest.mark.parametrize("name", ["mkl", "mobilenet_v1-full", "photowct2"])
def test_only_trained_students_have_variations(name: str) -> None:
    subject = parse_subject(name)
    assert subject.regularizers is subject.history is None
    with pytest.raises(ConfigError, match=f"{name} has no strength and no λ"):
        subject.prepare(variation=Variation())


def test_a_student_finds_the_losses_of_its_training(student_file: Path) -> None:
    assert parse_subject(str(student_file)).history is None
    losses = student_file.with_name("losses.csv")
    losses.touch()
    assert parse_subject(f"{student_file}+fp16@ot").history == losses


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_lower_precision_has_another_name_and_a_similar_result(
    student_file: Path, precision: str
) -> None:
    exact, lower = parse_subject(str(student_file)), parse_subject(f"{student_file}+{precision}")
    assert lower.name == f"{exact.name}+{precision}"
    assert lower.hash == exact.hash
    prepared = lower.prepare()
    assert next(prepared.modules[0].parameters()).dtype != torch.float32
    content, style = random_image(1), random_image(2)
    output = prepared(content, style)
    assert output.dtype == torch.float32
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    error = (output - exact.prepare()(content, style)).abs().mean()
    assert 0.0 < float(error) < 8 * torch.finfo(dtype).eps  # eight layers round once each


@pytest.mark.parametrize("name", ["reinhard", "mkl", "content"])
def test_colour_transfers_have_no_transform_or_network(name: str) -> None:
    subject = parse_subject(name)
    assert (subject.name, subject.transforms, subject.num_params) == (name, ("none",), 0)
    prepared = subject.prepare()
    content = random_image(1)
    assert prepared(content, random_image(2, 20, 20)).shape == content.shape
    assert prepared.modules == ()


def test_full_width_subjects_are_timed_only_and_share_a_hash() -> None:
    subject = parse_subject("mobilenet_v1-full")
    assert subject.name == "mobilenet_v1-full"
    assert not subject.has_quality
    assert subject.hash == parse_subject("mobilenet_v1-full+fp16").hash
    assert subject.hash != parse_subject("vgg19-full").hash
    assert set(FULL_WIDTH) <= set(list_subjects())


def test_the_hash_follows_the_designs_of_blocks(tmp_path: Path) -> None:
    """Two designs may have the same weights, so their text must be part of the hash."""
    hashes = []
    for linear in (False, True):
        design = BlockDesign(kind="conv", stride=2, linear=linear)
        spec = StudentSpec(architecture="designed", ranks=(2, 3, 4, 5), designs=(design,) * 4)
        save_student(tmp_path / f"{linear}.safetensors", create_student(spec))
        hashes.append(parse_subject(f"{tmp_path}/{linear}.safetensors").hash)
    assert hashes[0] != hashes[1]


def test_the_text_in_the_hash_of_recorded_students_is_unchanged() -> None:
    assert repr(StudentSpec(architecture="vgg16", ranks=(2, 3, 4, 5))) == (
        "StudentSpec(architecture='vgg16', ranks=(2, 3, 4, 5), colour_conv=False)"
    )


def test_the_hash_follows_the_weights(tmp_path: Path) -> None:
    spec = StudentSpec(architecture="tiny", ranks=(2, 3, 4, 5))
    for seed in (0, 1):
        save_student(tmp_path / f"{seed}.safetensors", create_student(spec, seed=seed))
    (tmp_path / "copy.safetensors").write_bytes((tmp_path / "0.safetensors").read_bytes())
    hashes = [parse_subject(f"{tmp_path}/{name}.safetensors").hash for name in ("0", "1", "copy")]
    assert hashes[0] == hashes[2] != hashes[1]


def test_preparing_leaves_the_global_generator_alone() -> None:
    state = torch.random.get_rng_state()
    parse_subject("mobilenet_v1-full").prepare()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_hash_of_a_colour_transfer_follows_its_revision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = parse_subject("reinhard").hash
    hashes = []
    for revisions in ({}, {"mkl": 2}, {"mkl": 3}):
        monkeypatch.setattr(kinds, "REVISIONS", revisions)
        hashes.append(parse_subject("mkl").hash)
        assert parse_subject("reinhard").hash == other
    assert len(set(hashes)) == 3


def test_revisions_are_of_colour_transfers() -> None:
    assert all(callable(BASELINES.get(name)) for name in REVISIONS)


def test_the_hash_follows_the_colour_transfer(tmp_path: Path) -> None:
    hashes = set()
    for strength in (0.0, 0.5, 1.0):
        spec = StudentSpec(architecture="tiny", ranks=(2, 3, 4, 5))
        student = create_student(spec, colour_transfer=strength)
        save_student(tmp_path / "tiny.safetensors", student)
        hashes.add(parse_subject(str(tmp_path / "tiny.safetensors")).hash)
    assert len(hashes) == 3
