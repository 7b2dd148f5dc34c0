"""Grids of plans: combinations, their names and their ranks under budgets."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.analysis.trainings import find_trainings
from bench.sweeps.plan import read_plan
from pcakd.analysis.results import FORMAT
from pcakd.costs import count_student
from pcakd.errors import PcakdError
from pcakd.students import StudentSpec

GRID = """
[[grid]]
name = "small"
about = "students by rank"
options = { backbone = "tiny", steps = 3, set = { ridge = 0.1 } }
over.mcev = [0.5, 0.75]
over.architecture = ["default", "separable"]
over.seed = [0, 1]
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_grid_is_all_combinations(tmp_path: Path) -> None:
    plan = read_plan(_write(tmp_path, GRID))
    assert list(plan) == [
        "small-mcev0.5", "small-mcev0.5-seed1",
        "small-mcev0.5-architectureseparable", "small-mcev0.5-architectureseparable-seed1",
        "small-mcev0.75", "small-mcev0.75-seed1",
        "small-mcev0.75-architectureseparable", "small-mcev0.75-architectureseparable-seed1",
    ]  # fmt: skip
    last = plan["small-mcev0.75-architectureseparable-seed1"]
    assert (last.options.mcev, last.options.architecture, last.options.seed) == (
        0.75, "separable", 1
    )  # fmt: skip
    assert last.options.steps == (3, 3, 3)
    assert last.options.set.ridge == 0.1
    assert last.about == "students by rank: mcev 0.75, architecture separable, seed 1"
    assert plan["small-mcev0.5"].options.architecture is None
    found = find_trainings(plan)
    assert found["small-mcev0.5-seed1"].subject == "small-mcev0.5"
    assert len(found) == 4


def test_numbers_of_the_recipe_and_a_base(tmp_path: Path) -> None:
    text = """
[base]
about = "the base"
options.backbone = "tiny"
[[grid]]
name = "lambda"
about = "another regularizer"
base = "base"
over."set.ridge" = [0.1, 0.5]
over.crop = [[64, 64, 96]]
"""
    plan = read_plan(_write(tmp_path, text))
    assert list(plan) == ["base", "lambda-ridge0.1-crop64-64-96", "lambda-ridge0.5-crop64-64-96"]
    member = plan["lambda-ridge0.5-crop64-64-96"]
    assert (member.base, member.options.set.ridge, member.options.crop) == (
        "base", 0.5, (64, 64, 96)
    )  # fmt: skip


def test_budgets_become_ranks(tmp_path: Path) -> None:
    curves = [(1 - np.exp(-np.arange(1, width + 1) / 4)).tolist() for width in (8, 12, 16, 20)]
    content = {
        "format": FORMAT, "version": 1, "backbone": "tiny", "latency": None,
        "taps": [{"mcev": curve} for curve in curves],
        "student": {"architecture": "tiny", "ranks": [4, 6, 8, 10], "designs": []},
    }  # fmt: skip
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis/analysis.json").write_text(json.dumps(content))
    text = """
[[grid]]
name = "planned"
about = "planned"
analysis = "analysis"
options.backbone = "tiny"
over.budget = ["params=1500", ["params=3k", "macs=900/px"]]
"""
    plan = read_plan(_write(tmp_path, text))
    assert list(plan) == ["planned-budgetparams1500", "planned-budgetparams3k-macs900px"]
    small, both = (
        count_student(StudentSpec(architecture="tiny", ranks=each.options.ranks))
        for each in plan.values()
    )
    assert small.num_params <= 1500
    assert both.num_params <= 3000
    assert both.macs <= 900


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grid = 3", "write grids as"),
        ("[[grid]]\nname = 'a'\nabout = ''", "'over' is missing"),
        ("[[grid]]\nname = 'a'\nabout = ''\nover = {}", "give over.OPTION"),
        ("[[grid]]\nname = 'a'\nabout = ''\nover.seed = []", "give over.OPTION"),
        ("[[grid]]\nname = 'a'\nabout = ''\nover.seed = [1]\nseeds = 2", "seeds"),
        ("[[grid]]\nname = 'a'\nabout = ''\nover.sed = [1]", "sed"),
        ("[[grid]]\nname = 'a'\nabout = ''\nover.seed = [1, 1]", "two combinations"),
        ("[[grid]]\nname = 'a b'\nabout = ''\nover.seed = [1]", "cannot be a file's name"),
        ("[[grid]]\nname = 'a'\nabout = ''\nover.budget = ['params=1k']", "needs analysis"),
        (f"{GRID}\n[small-mcev0-5]\nabout = ''", "backbone"),
        ("[[grid]]\nname='a'\nabout=''\nover.seed=[1]\n[a-seed1]\nabout=''", "rename one"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PcakdError, match=message) as caught:
        read_plan(_write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_too_many_combinations_are_refused(tmp_path: Path) -> None:
    text = "[[grid]]\nname = 'a'\nabout = ''\nover.seed = {0}\nover.mcev = {1}"
    values = [list(range(40)), [n / 100 for n in range(1, 41)]]
    with pytest.raises(PcakdError, match="1600 combinations"):
        read_plan(_write(tmp_path, text.format(*values)))
