import json

import numpy as np
import pytest
from command_line import one_line
from student_specs import TINY

from pcakd.analysis.results import FORMAT
from pcakd.cli import main
from pcakd.costs import count_student

WIDTHS = (8, 12, 16, 20)


@pytest.fixture
def analysis(tmp_path):
    """Return the folder of an analysis, reduced to what a plan reads."""
    curves = [(1 - np.exp(-np.arange(1, width + 1) / 4)).tolist() for width in WIDTHS]
    student = {"architecture": "tiny", "ranks": [4, 6, 8, 10], "designs": []}
    latency = {"threads": 2, "model": {"coefficients": [1e6, 2.0, 0.05, 0.1, 0.1, 0.1, 0.1, 10.0]}}
    content = {
        "format": FORMAT, "version": 1, "backbone": "tiny", "student": student,
        "taps": [{"mcev": curve} for curve in curves], "latency": latency,
    }  # fmt: skip
    (tmp_path / "analysis.json").write_text(json.dumps(content))
    return tmp_path


def _change(folder, **changes):
    path = folder / "analysis.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_plan_is_printed_with_the_rule_and_the_command(analysis, capsys):
    written = analysis / "plan.json"
    budgets = ["--budget", "latency=150ms@HD", "--budget", "memory=900MiB@4K"]
    assert main(["plan", str(analysis), *budgets, "--json", str(written)]) == 0
    out = capsys.readouterr().out
    content = json.loads(written.read_text())
    plan, rule = content["plans"]["plan"], content["plans"]["equal mcev"]
    assert plan["latency_ns"]["HD"] <= 150e6
    assert plan["peak_bytes"]["4K"] <= 900 * 2**20
    assert sum(plan["mcev"]) >= sum(rule["mcev"])
    counts = count_student(type(TINY)(architecture="tiny", ranks=tuple(plan["ranks"])))
    assert plan["num_params"] == counts.num_params
    ranks = ",".join(map(str, plan["ranks"]))
    assert f"--bases {analysis / 'spectra.safetensors'} --ranks {ranks}" in out.splitlines()[-1]
    assert "ms at HD" in out
    more = sum(plan["mcev"]) - sum(rule["mcev"])
    assert f"the plan holds {more:.3f} more than the largest equal mcev" in out


def test_the_rule_needs_no_budget(analysis, capsys):
    assert main(["plan", str(analysis), "--mcev", "0.75"]) == 0
    assert "6,6,6,6" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give --budget, once or more, or --mcev"),
        (("--mcev", "0.8", "--budget", "params=1k"), "give --budget"),
        (("--mcev", "1.5"), "must lie in (0, 1]"),
        (("--mcev", "nan"), "must lie in (0, 1]"),
        (("--budget", "params=10"), "is impossible"),
        (("--budget", "params=1k", "--weights", "1,2"), "--weights takes four numbers"),
        (("--budget", "params=1k", "--weights", "1,1,1,-1"), "four positive numbers"),
    ],
)
def test_bad_options_are_one_line(analysis, capsys, options, message):
    assert main(["plan", str(analysis), *options]) == 2
    one_line(capsys, message)


def test_latency_needs_a_latency_model(analysis, capsys):
    _change(analysis, latency=None)
    assert main(["plan", str(analysis), "--budget", "latency=1s@HD"]) == 2
    one_line(capsys, "needs a latency model")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"taps": []},
        {"taps": [{"mcev": []}] * 4},
        {"taps": [{"mcev": [float("nan")]}] * 4},
        {"student": {"architecture": "tiny", "ranks": [1, 2, 3], "designs": []}},
        {"latency": {"threads": 2, "model": {"coefficients": [1.0]}}},
        {"latency": {"threads": 2, "model": {"coefficients": [-1.0] * 8}}},
        {"latency": {"threads": 2, "model": {"coefficients": [float("nan")] * 8}}},
        {"latency": {"threads": 2, "model": {"coefficients": [10**400] * 8}}},
    ],
)
def test_a_damaged_analysis_is_one_line(analysis, capsys, changes):
    _change(analysis, **changes)
    assert main(["plan", str(analysis), "--mcev", "0.8"]) == 2
    one_line(capsys, "analyze")


def test_a_missing_analysis_is_one_line(tmp_path, capsys):
    assert main(["plan", str(tmp_path / "none"), "--mcev", "0.8"]) == 2
    one_line(capsys, "name its output folder")


@pytest.mark.parametrize(
    ("backbone", "teacher", "expected"),
    [
        ("tiny", {"weights": None, "seed": 3}, "pcakd distill --backbone tiny --seed 3 --bases"),
        ("vgg16", {"weights": "torchvision", "seed": 0}, "--backbone vgg16 --weights torchvision "),
        ("python:nets:one", {}, "python -m pcakd distill --backbone python:nets:one --bases"),
    ],
)
def test_the_command_names_the_same_teacher(analysis, capsys, backbone, teacher, expected):
    _change(analysis, backbone=backbone, teacher=teacher)
    assert main(["plan", str(analysis), "--mcev", "0.8"]) == 0
    assert expected in capsys.readouterr().out.splitlines()[-1]
