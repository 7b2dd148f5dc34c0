import argparse
from pathlib import Path

import pytest

from bench.commands.levers import PLAN_NAME
from bench.levers.plan import choose, read_plan
from pcakd.commands import distill
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
        ("[a", "cannot be read as TOML"),
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
    with pytest.raises(PcakdError, match=r"nowhere\.toml cannot be read"):
        read_plan(tmp_path / "nowhere.toml")


def test_the_projects_plan_holds_options_that_exist() -> None:
    plan = read_plan(Path(__file__).parents[3] / PLAN_NAME)
    recipes = {}
    for lever in plan.values():
        parser = argparse.ArgumentParser(exit_on_error=False)
        distill.add_arguments(parser)
        args = parser.parse_args([*lever.options, "--data", "photos", "-o", "runs"])
        recipes[lever.name] = distill.read_recipe(args), args.weights, args.data
    assert len({*map(str, recipes.values())}) == len(plan)  # each moves something
