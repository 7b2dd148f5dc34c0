"""Trainings that differ in the last phase alone share the phases before."""

from dataclasses import replace

import pytest
import torch
from tiny_distillation import RECIPE, SCHEDULE, make_config

from pcakd.distillation import trainer
from pcakd.distillation.recipe import StylizationWeights
from pcakd.distillation.run import distill
from pcakd.distillation.run_files.checkpoint import CHECKPOINT
from pcakd.distillation.run_files.session import describe_session

pytestmark = pytest.mark.usefixtures("lenient_images")

OTHER_LAST_PHASE = replace(
    RECIPE,
    stylization=replace(SCHEDULE, steps=4, crop=48),
    weights=StylizationWeights(style=1.0),
    ridge=0.1,
    transform="ot",
    colour_transfer=0.0,
)


def train(photos, output, **changes):
    """Distil, and return the student, its card and the phases whose steps were computed."""
    phases = []
    config = make_config(photos, output, **changes)
    student, card = distill(config, on_step=lambda step: phases.append(step.phase))
    return student, card, list(dict.fromkeys(phases))


def test_the_result_is_that_of_a_whole_training(photos, tmp_path):
    shared = tmp_path / "shared"
    *_, phases = train(photos, tmp_path / "a", shared=shared)
    assert phases == ["encoder", "autoencoder", "stylization"]
    place = {"shared": shared, "recipe": OTHER_LAST_PHASE, "name": "other"}
    student, card, phases = train(photos, tmp_path / "b", **place)
    assert phases == ["stylization"]
    expected, whole, _ = train(photos, tmp_path / "c", recipe=OTHER_LAST_PHASE, name="other")
    for name, weights in expected.state_dict().items():
        assert torch.equal(student.state_dict()[name], weights), name
    assert student.regularizer == expected.regularizer
    for one, other in zip(student.eigenbases, expected.eigenbases, strict=True):
        assert torch.equal(one, other)
    assert [phase["phase"] for phase in card["phases"]] == [p["phase"] for p in whole["phases"]]
    losses = [(tmp_path / name / "losses.csv").read_text() for name in ("b", "c")]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"tap_offset": 1.0}, {"encoder": replace(SCHEDULE, steps=5)}]
)
def test_other_earlier_phases_are_trained(photos, tmp_path, changes):
    shared = tmp_path / "shared"
    train(photos, tmp_path / "a", shared=shared)
    *_, phases = train(photos, tmp_path / "b", shared=shared, recipe=replace(RECIPE, **changes))
    assert "encoder" in phases
    assert len([*shared.glob(f"*/{CHECKPOINT}")]) == 2


def test_a_training_that_starts_from_a_student_shares_nothing(photos, tmp_path):
    train(photos, tmp_path / "a")
    start = tmp_path / "a" / "tiny.safetensors"
    train(photos, tmp_path / "b", shared=tmp_path / "shared", start=start)
    assert not (tmp_path / "shared").exists()


def test_a_damaged_state_is_left_alone_with_a_warning(photos, tmp_path, capsys):
    shared = tmp_path / "shared"
    train(photos, tmp_path / "a", shared=shared)
    (checkpoint,) = shared.glob(f"*/{CHECKPOINT}")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    *_, phases = train(photos, tmp_path / "b", shared=shared)
    assert "encoder" in phases
    assert f"delete {checkpoint.parent}" in capsys.readouterr().err
    assert [*shared.iterdir()] == [checkpoint.parent]  # nothing half-written is left


def test_a_training_of_several_sessions_is_not_kept(photos, tmp_path, monkeypatch):
    shared, place = tmp_path / "shared", tmp_path / "a"

    def stop(step):
        if step.phase == "autoencoder":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distill(make_config(photos, place, shared=shared), on_step=stop)
    session = {**describe_session(torch.device("cpu")), "cpu": "another"}
    monkeypatch.setattr(trainer, "describe_session", lambda device: session)
    train(photos, place, shared=shared, resume=True)
    assert not shared.exists()


def test_a_trial_of_a_set_up_shares_nothing(photos, tmp_path):
    train(photos, tmp_path / "a", shared=tmp_path / "shared", smoke=True)
    assert not (tmp_path / "shared").exists()


def test_a_place_that_cannot_be_written_is_a_warning(photos, tmp_path, capsys):
    (tmp_path / "shared").touch()
    *_, phases = train(photos, tmp_path / "a", shared=tmp_path / "shared")
    assert phases[-1] == "stylization"
    assert "warning: the phases are not shared" in capsys.readouterr().err
