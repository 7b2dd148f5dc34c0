"""Planted faults in a small package, each with its verdict and its cause."""

import os
import sys
from pathlib import Path

import pytest
from toy_package import write_toy
from tqdm import tqdm

from bench.gate.cases import plan_cases
from bench.gate.config import GateConfig
from bench.gate.gate import run_gate
from bench.gate.side_client import Side
from bench.quality.pairs import find_pairs, shipped_pairs_folder
from pcakd.errors import ConfigError

ROOT = Path(__file__).parents[3]
PAIRS = find_pairs(shipped_pairs_folder())
PLAIN, OTHER = "python:toy.models:create_plain", "python:toy.models:create_other"
SMALL = {
    "subjects": (PLAIN, OTHER),
    "package": "toy",
    "distribution": "toy",
    "blocks": 1,
    "warmup": 1,
    "threads": 1,
    "quality_max_side": 200,
    "case_seconds": 20.0,
    "metrics": ("ssim", "gmsd"),
}


def gate(tmp_path, *, base=None, head=None, **settings):
    """Run a gate of two versions of the package; return its results by name."""
    config = GateConfig(**{**SMALL, **settings})
    sides = []
    for name, faults in (("base", base or {}), ("head", head or {})):
        root = write_toy(tmp_path / name, **faults)
        path = os.pathsep.join((str(root), str(ROOT)))
        sides.append(
            Side(
                name=name,
                title=name,
                python=Path(sys.executable),
                folder=root,
                environment={"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            )
        )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    result = run_gate(
        config, plan_cases(config), sides,
        scratch=scratch, device="cpu", timed=PAIRS[0], pairs=PAIRS, bar=tqdm(disable=True),
    )  # fmt: skip
    return {each.case.name: each for each in result.results}, result


def test_the_same_code_passes_in_every_exact_kind(tmp_path):
    results, result = gate(tmp_path, resolutions=("160x96",), kinds=("counts", "quality", "memory"))
    assert {each.verdict for each in results.values()} == {"same or better"}
    assert results[f"quality {PLAIN}"].reason == "equal bit for bit"
    assert result.exit_status() == 0


def test_more_convolutions_are_more_parameters_and_multiply_adds(tmp_path):
    results, result = gate(
        tmp_path, head={"plain": "extra convolutions"}, resolutions=("160x96",), kinds=("counts",)
    )
    assert results[f"counts parameters {PLAIN}"].verdict == "worse"
    macs = results[f"counts MACs {PLAIN} 160x96"]
    assert macs.verdict == "worse"
    assert macs.head - macs.base == 11 * 3 * 3 * 9 * 160 * 96
    assert results[f"counts MACs {OTHER} 160x96"].verdict == "same or better"
    assert result.exit_status() == 1
    assert result.worst.case.subject == PLAIN


def test_fewer_are_improved(tmp_path):
    results, result = gate(
        tmp_path, base={"plain": "extra convolutions"}, resolutions=("160x96",), kinds=("counts",)
    )
    assert results[f"counts parameters {PLAIN}"].verdict == "improved"
    assert result.exit_status() == 0


def test_a_wrong_constant_is_worse_quality_or_another_output(tmp_path):
    results, result = gate(tmp_path, head={"plain": "wrong constant"}, kinds=("quality",),
                           metrics=("sliced_wasserstein", "ssim"))  # fmt: skip
    style = results[f"quality sliced_wasserstein {PLAIN}"]
    assert style.verdict == "worse"
    assert "PSNR" in style.reason
    assert "image pair 0" in style.reason
    assert results[f"quality {OTHER}"].verdict == "same or better"
    assert result.exit_status() == 1


def test_needless_copies_are_peak_memory(tmp_path):
    results, result = gate(
        tmp_path, head={"plain": "copies"}, resolutions=("640x360",), kinds=("memory",)
    )
    memory = results[f"memory {PLAIN} 640x360"]
    assert memory.verdict == "worse"
    assert memory.head > 2 * memory.base
    assert results[f"memory {OTHER} 640x360"].verdict == "same or better"
    assert result.exit_status() == 1


def test_half_a_second_of_sleep_is_latency(tmp_path):
    results, result = gate(
        tmp_path, head={"plain": "sleep"}, resolutions=("160x96",), kinds=("latency",),
        subjects=(PLAIN,), max_launches=6,
    )  # fmt: skip
    latency = results[f"latency {PLAIN} 160x96"]
    assert latency.verdict == "worse"
    assert latency.head > latency.base + 4e8
    assert len(latency.head_samples) == latency.finding.count
    assert result.exit_status() == 1


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("crash", "head: RuntimeError: the gears are stuck"),
        ("death", "head: ended with status 7"),
    ],
)
def test_a_crash_at_one_size_fails_that_size_alone(tmp_path, fault, cause):
    results, result = gate(
        tmp_path, head={"plain": fault}, resolutions=("160x96", "320x192"), kinds=("memory",),
        subjects=(PLAIN,),
    )  # fmt: skip
    assert results[f"memory {PLAIN} 160x96"].verdict == "same or better"
    failed = results[f"memory {PLAIN} 320x192"]
    assert (failed.verdict, failed.reason[: len(cause)]) == ("failed", cause)
    assert result.exit_status() == 1


def test_a_hang_fails_within_its_budget(tmp_path):
    results, result = gate(
        tmp_path, head={"plain": "hang"}, resolutions=("160x96",), kinds=("latency",),
        case_seconds=15.0, subjects=(PLAIN, OTHER), max_launches=4,
    )  # fmt: skip
    hung = results[f"latency {PLAIN} 160x96"]
    assert (hung.verdict, hung.reason) == ("failed", "head: took more than its budget of 15 s")
    assert results[f"latency {OTHER} 160x96"].finding.count >= 1
    assert result.exit_status() == 1


def test_a_crash_of_base_does_not_compare(tmp_path):
    results, result = gate(
        tmp_path, base={"plain": "crash"}, resolutions=("320x192",), kinds=("memory",),
        subjects=(PLAIN,),
    )  # fmt: skip
    assert results[f"memory {PLAIN} 320x192"].verdict == "not comparable"
    assert result.exit_status() == 4


def test_a_dropped_student_file_is_missing_and_a_new_one_is_not_comparable(tmp_path):
    zoo = Path(ROOT, "pcakd", "zoo", "mobilenet_v1.safetensors").read_bytes()
    for side, name in (("base", "dropped"), ("head", "added")):
        (tmp_path / side).mkdir()
        (tmp_path / side / f"{name}.safetensors").write_bytes(zoo)
    results, result = gate(
        tmp_path, kinds=("counts",), subjects=("dropped.safetensors", "added.safetensors"),
        resolutions=("160x96",),
    )  # fmt: skip
    dropped = results["counts parameters dropped.safetensors"]
    assert dropped.verdict == "missing"
    assert "head has no dropped.safetensors" in dropped.reason
    assert results["counts parameters added.safetensors"].verdict == "not comparable"
    assert result.exit_status() == 1


def test_a_subject_that_neither_side_has_is_bad_input(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'vgg16'"):
        gate(tmp_path, subjects=("vgg61",), kinds=("counts",))


def test_speed_ups_are_held_against_their_floor(tmp_path):
    results, result = gate(
        tmp_path, base={}, head={"other": "sleep"}, kinds=("speedup",),
        subjects=(PLAIN, OTHER), speedup_resolution="160x96", max_launches=4,
        speedups={f"{OTHER} {PLAIN}": 2.0, f"{PLAIN} {OTHER}": 1.0},
    )  # fmt: skip
    assert results[f"speedup {OTHER} {PLAIN} 160x96"].verdict == "improved"
    assert results[f"speedup {PLAIN} {OTHER} 160x96"].verdict == "worse"
    assert result.exit_status() == 1


def test_a_budget_that_ends_before_the_first_launch_measures_nothing(tmp_path):
    results, result = gate(
        tmp_path, kinds=("latency",), subjects=(PLAIN,), resolutions=("160x96",),
        budget_seconds=0.001,
    )  # fmt: skip
    assert results[f"latency {PLAIN} 160x96"].verdict == "inconclusive"
    assert result.exit_status() == result.exit_status(inconclusive_passes=True) == 4


def test_a_head_that_cannot_start_fails_every_case(tmp_path):
    broken = tmp_path / "head" / "bench"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('the gears are gone')\n")
    results, result = gate(tmp_path, resolutions=("160x96",), kinds=("counts", "memory"))
    assert {each.verdict for each in results.values()} == {"failed"}
    assert len(results) == 6
    assert all("the gears are gone" in each.reason for each in results.values())
    assert result.exit_status() == 1
