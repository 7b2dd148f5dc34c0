"""Metric values of a trial's student."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.quality.pairs import find_pairs
from bench.records.schema import METRIC_NAMES
from bench.sweeps.scoring import Scorer
from pcakd.students import StudentSpec, create_student, save_student


@pytest.mark.weights
def test_students_are_scored_by_the_harness(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for role in ("content", "style"):
        pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"00_{role}.png")
    student = create_student(StudentSpec(architecture="tiny", ranks=(4, 6, 8, 8)), seed=0)
    save_student(tmp_path / "mine.safetensors", student)
    scorer = Scorer(find_pairs(tmp_path), torch.device("cpu"))
    scores = scorer.score(tmp_path / "mine.safetensors")
    assert {*scorer.protocol} == {*METRIC_NAMES}
    assert {*scores} == {*METRIC_NAMES} - {"ms_ssim"}  # the image is too small
    assert all({*by_pair} == {"00"} for by_pair in scores.values())
