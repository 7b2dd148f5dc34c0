"""Planted faults in a small package, each with its verdict and its cause."""

import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from toy_package import write_toy
from tqdm import tqdm

from bench.gate import memory
from bench.gate.cases import GateCase, plan_cases
from bench.gate.config import GateConfig
from bench.gate.gate import run_gate
from bench.gate.side_client import Side
from bench.quality.pairs import find_pairs, shipped_pairs_folder
from pcakd.errors import ConfigError
from pcakd.students import load_student, save_student

ROOT = Path(__file__).parents[3]
PAIRS = find_pairs(shipped_pairs_folder())
PLAIN, OTHER = "python:toy.models:create_plain", "python:toy.models:create_other"
METRICS = ("ssim", "gmsd")
SMALL = {
    "subjects": (PLAIN, OTHER),
    "package": "toy",
    "distribution": "toy",
    "blocks": 1,
    "warmup": 1,
    "threads": 1,
    "quality_max_side": 200,
    "case_seconds": 20.0,
    "metrics": METRICS,
}


def gate(tmp_path, *, base=None, head=None, **settings):
    """Run a gate of two versions of the package; return its results by name."""
    roots = {
        name: write_toy(tmp_path / name, **(faults or {}))
        for name, faults in (("base", base), ("head", head))
    }
    return gate_of(tmp_path, roots, **settings)


def gate_of(tmp_path, roots, *, pythons=None, **settings):
    """Run a gate of two folders by the names of their sides; return its results by name."""
    config = GateConfig(**{**SMALL, **settings})
    sides = [
        Side(
            name=name,
            title=name,
            python=Path((pythons or {}).get(name, sys.executable)),
            folder=root,
            environment={
                "PYTHONPATH": os.pathsep.join((str(root), str(ROOT))),
                "OMP_NUM_THREADS": "1",
            },
        )
        for name, root in roots.items()
    ]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    result = run_gate(
        config, plan_cases(config), sides,
        scratch=scratch, device="cpu", timed=PAIRS[0], pairs=PAIRS, bar=tqdm(disable=True),
    )  # fmt: skip
    return {each.case.name: each for each in result.results}, result


def test_the_same_code_passes_in_every_exact_kind(tmp_path):
    results, result = gate(
        tmp_path, resolutions=("160x96",), kinds=("counts", "quality", "memory"), subjects=(PLAIN,)
    )  # fmt: skip
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


@pytest.mark.slow
def test_a_needless_copy_of_an_8k_image_is_peak_memory(tmp_path):
    results, result = gate(
        tmp_path, head={"plain": "copy"}, resolutions=("8K",), kinds=("memory",),
        subjects=(PLAIN,), case_seconds=120.0,
    )  # fmt: skip
    memory = results[f"memory {PLAIN} 8K"]
    assert memory.verdict == "worse"
    assert memory.head - memory.base == pytest.approx(3 * 7680 * 4320 * 4, rel=0.05)
    assert result.exit_status() == 1


def test_a_slow_import_is_found(tmp_path):
    results, result = gate(
        tmp_path, head={"package": "slow import"}, kinds=("import",), max_launches=6
    )
    slow = results["import toy"]
    assert slow.verdict == "worse"
    assert slow.head > slow.base + 4e8
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


def test_a_base_that_cannot_start_compares_nothing(tmp_path):
    roots = {name: write_toy(tmp_path / name) for name in ("base", "head")}
    results, result = gate_of(
        tmp_path, roots, pythons={"base": tmp_path / "no-python"}, kinds=("counts", "speedup"),
        resolutions=("160x96",), speedups={f"{OTHER} {PLAIN}": 0.1},
    )  # fmt: skip
    assert {each.verdict for each in results.values()} == {"not comparable"}
    assert all(each.reason.startswith("base cannot start: ") for each in results.values())
    assert result.exit_status() == 4


def test_what_both_sides_load_from_one_place_does_not_compare(tmp_path):
    results, result = gate(
        tmp_path, kinds=("counts", "import", "size"), subjects=("mkl", PLAIN), package="pcakd",
        distribution="numpy", resolutions=("160x96",),
    )  # fmt: skip
    for name in ("counts parameters mkl", "import pcakd", "size numpy"):
        assert results[name].verdict == "not comparable"
        assert results[name].reason.startswith("both sides load ")
    assert results[f"counts parameters {PLAIN}"].verdict == "same or better"
    assert result.exit_status() == 0
    alone = {name: each for name, each in results.items() if PLAIN not in name}
    assert {each.verdict for each in alone.values()} == {"not comparable"}


@pytest.mark.parametrize(
    ("faulty", "verdict", "status"), [("base", "not comparable", 4), ("head", "failed", 1)]
)
def test_numbers_that_are_not_finite_are_the_fault_of_their_side(tmp_path, faulty, verdict, status):
    results, result = gate(
        tmp_path, kinds=("quality",), subjects=(PLAIN,), **{faulty: {"plain": "not finite"}}
    )
    (found,) = results.values()
    assert (found.verdict, result.exit_status()) == (verdict, status)
    assert f"the output of {faulty} is not finite" in found.reason


def test_random_weights_have_no_quality(tmp_path):
    results, result = gate(
        tmp_path, head={"plain": "random"}, kinds=("quality",), subjects=(PLAIN,)
    )
    assert {each.verdict for each in results.values()} == {"not comparable"}
    assert all("weights are random" in each.reason for each in results.values())
    assert result.exit_status() == 4


@pytest.mark.parametrize(
    ("head", "count", "verdict"), [(120, 4, "worse"), (101, 2, "same or better")]
)
def test_more_memory_is_seen_in_several_processes(monkeypatch, head, count, verdict):
    def measure(context, side, case):
        return {"base": 100.0, "head": float(head)}[side]

    monkeypatch.setattr(memory, "_measure", measure)
    case = GateCase(kind="memory", subject=PLAIN, resolution="HD", margin=0.05)
    result = memory.compare_memory(SimpleNamespace(is_over=False), case)
    assert (result.verdict, len(result.base_samples)) == (verdict, count)


WASTE = """
        from torch.nn.functional import conv2d
        for _ in range(3):
            conv2d(part, part.new_ones(part.shape[1], 1, 3, 3), groups=part.shape[1])
"""
SLEEP = """
    __import__("time").sleep(0.5)
"""


def copy_core(tmp_path, module, old, new):
    """Return the folders of both sides; head is a copy of `pcakd` with one text replaced."""
    base, head = tmp_path / "base", tmp_path / "head"
    base.mkdir()
    shutil.copytree(
        ROOT / "pcakd", head / "pcakd", ignore=shutil.ignore_patterns("__pycache__", "*@1.*")
    )
    path = head / "pcakd" / module
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{module} has not one {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return {"base": base, "head": head}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("pipeline.py", "    images = prepare_input(", f"{SLEEP}    images = prepare_input("),
        ("tiling.py", "    return part\n", f"{WASTE}    return part\n"),
    ],
    ids=["a sleep in stylize", "three wasted depthwise convolutions of each stage"],
)
def test_what_counts_do_not_show_is_latency(tmp_path, module, old, new):
    results, result = gate_of(
        tmp_path, copy_core(tmp_path, module, old, new), kinds=("counts", "quality", "latency"),
        subjects=("mobilenet_v1",), resolutions=("480x288",), metrics=("ssim",), max_launches=8,
        quality_max_side=64,
    )  # fmt: skip
    latency = results.pop("latency mobilenet_v1 480x288")
    assert latency.verdict == "worse", latency
    assert {each.verdict for each in results.values()} == {"same or better"}
    assert results["quality mobilenet_v1"].reason == "equal bit for bit"
    assert result.exit_status() == 1


@pytest.mark.slow
def test_another_regularizer_is_quality(tmp_path):
    roots = copy_core(
        tmp_path, "coarse_to_fine.py", "network.regularizer_at(tap)",
        "1e4 * network.regularizer_at(tap)",
    )  # fmt: skip
    results, result = gate_of(
        tmp_path, roots, kinds=("counts", "quality"), subjects=("mobilenet_v1",),
        resolutions=("320x192",), metrics=GateConfig().metrics,
    )  # fmt: skip
    for metric in ("sliced_wasserstein", "histogram_correlation"):
        assert results[f"quality {metric} mobilenet_v1"].verdict == "worse"
    assert result.exit_status() == 1


@pytest.mark.slow
def test_a_worse_student_file_is_quality(tmp_path):
    student = load_student("mobilenet_v1")
    for name in ("base", "head"):
        (tmp_path / name).mkdir()
        save_student(tmp_path / name / "mine.safetensors", student)
        torch.manual_seed(0)
        for weight in student.decoder.parameters():  # of head
            weight.mul_(1 + 0.2 * torch.randn_like(weight))
    results, result = gate_of(
        tmp_path, {name: tmp_path / name for name in ("base", "head")},
        kinds=("counts", "quality"), subjects=("mine.safetensors",), resolutions=("320x192",),
    )  # fmt: skip
    assert results["counts parameters mine.safetensors"].verdict == "same or better"
    assert "worse" in {results[f"quality {name} mine.safetensors"].verdict for name in METRICS}
    assert result.exit_status() == 1
