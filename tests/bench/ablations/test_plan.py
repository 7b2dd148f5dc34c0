from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from bench.ablations.plan import choose, read_plan
from bench.ablations.training import plan_training
from bench.commands.ablations import PLAN_NAME
from pcakd.errors import PcakdError

PLAN = """
[a]
about = "a base"
options = "--steps 3 --set 'tap_offset=2'"

[b]
base = "a"
about = "another offset"
options = "--set tap_offset=0"

[c]
about = "another base"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "levers.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_lever_has_its_bases_options_before_its_own(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, PLAN))
    assert plan["a"].options == ("--steps", "3", "--set", "tap_offset=2")
    assert plan["b"].options == (*plan["a"].options, "--set", "tap_offset=0")
    assert plan["c"].options == ()


def test_levers_bring_their_bases(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, PLAN))
    assert [lever.name for lever in choose(plan, [])] == ["a", "b", "c"]
    assert [lever.name for lever in choose(plan, ["b"])] == ["a", "b"]
    assert [lever.name for lever in choose(plan, ["c"])] == ["c"]
    with pytest.raises(PcakdError, match="lever 'd' is not known"):
        choose(plan, ["d"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "is no TOML"),
        ("", "holds no lever"),
        ('["a b"]\nabout = ""', "'a b' cannot be a file's name"),
        ('["../a"]\nabout = ""', "cannot be a file's name"),
        ("[b]\nabout = ''\nbase = 'a'\n[[a]]", "a must be a table of texts"),
        ("[a]\nabout = ''\noptions = '--set \"a'", "options of a: No closing quotation"),
        ("a = 1", "a must be a table of texts"),
        ("[a]\noptions = ''", "a needs an `about`"),
        ("[a]\nabout = ''\noption = ''", "did you mean 'options'"),
        ("[a]\nabout = ''\nbase = 'b'", "base of a 'b' is not known"),
        ("[a]\nabout=''\n[b]\nabout=''\nbase='a'\n[c]\nabout=''\nbase='b'", "b is the base of c"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PcakdError, match=message):
        read_plan(write(tmp_path, text))


def test_a_missing_plan_is_told(tmp_path: Path) -> None:
    with pytest.raises(PcakdError, match=r"cannot read the plan .*nowhere\.toml: No such file"):
        read_plan(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    "option", ["--data x", "-o x", "--name x", "--device cuda", "--resume", "--compare-with vgg16"]
)
def test_where_and_how_to_run_is_not_a_plans_to_say(tmp_path: Path, option: str) -> None:
    text = f"[a]\nabout = ''\noptions = '--backbone tiny {option}'"
    (lever,) = read_plan(write(tmp_path, text)).values()
    with pytest.raises(PcakdError, match=r"lever a: --.* is not a plan's to give; drop it"):
        plan_training(lever, data=tmp_path, work=tmp_path, device=torch.device("cpu"), commit=None)


def test_the_projects_plan_holds_options_that_exist(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for index in range(16):
        Image.new("RGB", (8, 8), (index, 0, 0)).save(tmp_path / "photos" / f"{index}.png")
    plan = read_plan(Path(__file__).parents[3] / PLAN_NAME)
    trainings = [
        plan_training(
            lever, data=tmp_path / "photos", work=tmp_path, device=torch.device("cpu"), commit=None
        )
        for lever in plan.values()
    ]
    requests = {str(replace(each.request, name=None, output=tmp_path)) for each in trainings}
    assert len(requests) == len(plan)  # each moves something
    assert len({each.request.output for each in trainings}) == len(plan)
    weights = {each.lever.name: each.recipe["weights"] for each in trainings}
    for lever in plan.values():  # losses are weighed as in the base, but for one
        if lever.base is not None:
            base, own = weights[lever.base], weights[lever.name]
            assert sum(base[name] != own[name] for name in base) <= 1
