"""What the trainings of a sweep will take."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.sweeps.plan import read_plan
from bench.sweeps.prediction import (
    TimedTraining,
    count_macs,
    describe_kind,
    predict_minutes,
    time_trainings,
)
from bench.sweeps.training import plan_training
from pcakd.costs import count_student
from pcakd.students import StudentSpec

PLAN = """
[small]
about = "the smallest"
options = { backbone = "tiny", ranks = [2, 3, 4, 4], steps = [10, 20, 30], batch = 2, crop = 32 }
[middle]
about = "between"
options = { backbone = "tiny", ranks = [3, 5, 7, 8], steps = [10, 20, 30], batch = 2, crop = 32 }
[large]
about = "the largest"
options = { backbone = "tiny", ranks = [8, 12, 16, 16], steps = [10, 20, 30], batch = 2, crop = 32 }
[by-variance]
about = "ranks from photographs"
options = { backbone = "tiny", mcev = 0.8, steps = [10, 20, 30], batch = 2, crop = 32 }
"""


@pytest.fixture
def trainings(tmp_path: Path):
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for index in range(12):
        pixels = rng.integers(0, 256, (60, 70, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{index}.png")
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    return {
        name: plan_training(
            trial,
            data=tmp_path / "photos",
            work=tmp_path / "work",
            device=torch.device("cpu"),
            commit=None,
        )
        for name, trial in read_plan(tmp_path / "plan.toml").items()
    }


def test_minutes_are_affine_in_the_students_size(trainings):
    kind = describe_kind(trainings["small"].config)
    phases = ("encoder", "autoencoder", "stylization")
    timed = [
        TimedTraining(kind=kind, macs=macs, seconds=dict.fromkeys(phases, each))
        for macs, each in ((100.0, 1e-3), (300.0, 3e-3))
    ]
    pixels = 2 * 32 * 32
    steps = (10, 20, 30)
    whole = predict_minutes(trainings["middle"], steps, timed, 200.0)
    assert whole == pytest.approx(2e-3 * 60 * pixels / 60)
    left = predict_minutes(trainings["middle"], (0, 0, 15), timed, 200.0)
    assert left == pytest.approx(2e-3 * 15 * pixels / 60)
    unknown = predict_minutes(trainings["by-variance"], steps, timed, None)
    assert unknown == pytest.approx(2e-3 * 60 * pixels / 60)  # the median
    tiny = predict_minutes(trainings["middle"], steps, timed, 1.0)
    assert tiny == pytest.approx(0.5e-3 * 60 * pixels / 60)  # never next to nothing
    assert predict_minutes(trainings["middle"], steps, [], 200.0) is None


def test_the_smallest_and_the_largest_student_are_timed(trainings):
    timed = time_trainings(trainings.values())
    sizes = [
        float(count_student(StudentSpec(architecture="tiny", ranks=ranks)).macs)
        for ranks in ((2, 3, 4, 4), (8, 12, 16, 16))
    ]
    assert [each.macs for each in timed] == sizes
    assert [count_macs(trainings[name]) for name in ("small", "large")] == sizes
    assert count_macs(trainings["by-variance"]) is None
    assert all(min(each.seconds.values()) > 0 for each in timed)
    assert not (trainings["small"].config.folder).exists()  # nothing is left of them
