"""Plans of ablation studies: tables of typed options, and one line for each mistake."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from bench.commands.sweep import PLAN_NAME
from bench.sweeps.plan import choose, read_plan, rename_trials
from bench.sweeps.training import plan_training
from pcakd.errors import PcakdError

PLAN = """
[a]
about = "a base"
[a.options]
backbone = "tiny"
steps = 3
set = { tap_offset = 2 }

[b]
base = "a"
about = "another offset"
options.set = { tap_offset = 0, ridge = 0.5 }
options.mcev = 0.8

[c]
about = "another base"
options.backbone = "tiny"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "ablations.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_ablation_has_the_options_of_its_base_and_its_own(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, PLAN))
    inherited = ("--backbone", "tiny", "--steps", "3", "--set", "tap_offset=2")
    assert plan["a"].arguments == inherited
    own = ("--set", "tap_offset=0", "--set", "ridge=0.5", "--mcev", "0.8")
    assert plan["b"].arguments == (*inherited, *own)
    options = plan["b"].options
    assert (options.backbone, options.steps, options.mcev) == ("tiny", (3, 3, 3), 0.8)
    assert (options.set.tap_offset, options.set.ridge) == (0.0, 0.5)
    assert plan["c"].options.steps is None


def test_bases_of_named_ablations_are_chosen_too(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, PLAN))
    assert [each.name for each in choose(plan, [])] == ["a", "b", "c"]
    assert [each.name for each in choose(plan, ["b"])] == ["a", "b"]
    assert [each.name for each in choose(plan, ["c"])] == ["c"]
    with pytest.raises(PcakdError, match="trial 'd' is not known"):
        choose(plan, ["d"])


TINY = "[a]\nabout = ''\noptions.backbone = 'tiny'\n"


def test_names_of_former_releases_are_accepted_with_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = read_plan(Path(__file__).parents[3] / PLAN_NAME)
    names = ["no-zoom", "no-twins", "no-pictures"]
    assert rename_trials(plan, names) == [
        "no-zoom",
        "no-identity-pairs",
        "no-reconstruction-loss",
    ]
    assert capsys.readouterr().err.splitlines() == [
        "warning: trial 'no-twins' is now 'no-identity-pairs'; "
        "the old name works for one more release",
        "warning: trial 'no-pictures' is now 'no-reconstruction-loss'; "
        "the old name works for one more release",
    ]
    own = {"no-twins": plan["no-zoom"], "no-identity-pairs": plan["no-identity-pairs"]}
    assert rename_trials(own, ["no-twins", "unknown"]) == ["no-twins", "unknown"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "cannot read"),
        ("", "is empty"),
        ('["a b"]\nabout = ""', "'a b' cannot be a file's name"),
        ('["../a"]\nabout = ""', "cannot be a file's name"),
        ('[outcome]\nabout = ""', "'outcome' is reserved"),
        ("[b]\nabout = ''\nbase = 'a'\n[[a]]", "expected a table"),
        ("a = 1", "expected a table"),
        ("[a]\noptions.backbone = 'tiny'", "key 'about' is missing"),
        ("[a]\nabout = 3", "key 'about' must be a valid string, got 3"),
        ("[a]\nabout = ''\noption = ''", "did you mean 'options'"),
        ("[a]\nabout = ''\noptions.steps = 3", "key 'backbone' is missing"),
        (f"{TINY}options.step = 3", "did you mean 'steps'"),
        (f"{TINY}options.steps = [3, 3]", r"steps"),
        (f"{TINY}options.steps = 2.5", r"options\.steps.* must be a valid integer, got 2\.5"),
        (f"{TINY}options.rate = 'fast'", r"options\.rate.* must be a valid number, got 'fast'"),
        (f"{TINY}options.set.ridges = 3", "did you mean 'ridge'"),
        (f"{TINY}options.output = 'x'", r"key 'options\.output' is not known"),
        (f"{TINY}base = 'b'", "base of a 'b' is not known"),
        (
            f"{TINY}[b]\nabout=''\nbase='a'\n[c]\nabout=''\nbase='b'",
            "b is the base of c and cannot have one",
        ),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    if "base = 'b'" in text:
        text = "[a]\nbase = 'b'\nabout = ''"
    with pytest.raises(PcakdError, match=message) as caught:
        read_plan(write(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert "ablations.toml" in str(caught.value)


def test_a_missing_plan_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PcakdError, match=r"nowhere\.toml does not exist"):
        read_plan(tmp_path / "nowhere.toml")


def test_values_out_of_range_name_the_ablation(tmp_path: Path) -> None:
    (ablation,) = read_plan(write(tmp_path, f"{TINY}options.crop = 33")).values()
    with pytest.raises(PcakdError, match="trial a: crop must be a multiple of 16"):
        plan_training(
            ablation, data=tmp_path, work=tmp_path, device=torch.device("cpu"), commit=None
        )


FORMER = """
[a]
about = "a base"
options = "--backbone tiny --steps 3,4,5 --rate 0.01 --set 'tap_offset=2' --set twins=0.5"

[b]
base = "a"
about = "another teacher"
options = "--weights=torchvision --set tap_offset=0"
"""


def test_plans_of_former_releases_are_read_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = read_plan(write(tmp_path, FORMER))
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert 'options = "--seed 1" is now written as options.seed = 1' in warnings[0]
    options = plan["b"].options
    assert (options.steps, options.rate) == ((3, 4, 5), (0.01, 0.01, 0.01))
    assert options.weights == "torchvision"
    assert (options.set.tap_offset, options.set.identity_share) == (0.0, 0.5)
    assert plan["a"].arguments[-4:] == ("--set", "tap_offset=2", "--set", "identity_share=0.5")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('--set \\"a', "No closing quotation"),
        ("-o x", "'-o' is not an option with a value"),
        ("--resume", "'--resume' is not an option with a value"),
        ("--name x", r"key 'options\.name' is not known"),
    ],
)
def test_mistakes_in_plans_of_former_releases_are_one_line(
    tmp_path: Path, options: str, message: str
) -> None:
    text = f'[a]\nabout = ""\noptions = "--backbone tiny {options}"'
    if options == "--resume":
        text = f'[a]\nabout = ""\noptions = "{options}"'
    with pytest.raises(PcakdError, match=message):
        read_plan(write(tmp_path, text))


@pytest.mark.parametrize("path", [PLAN_NAME, "reports/ablations-v2/plan.toml"])
def test_plans_of_the_project_change_something_in_each_ablation(tmp_path: Path, path: str) -> None:
    (tmp_path / "photos").mkdir()
    for index in range(16):
        Image.new("RGB", (8, 8), (index, 0, 0)).save(tmp_path / "photos" / f"{index}.png")
    plan = read_plan(Path(__file__).parents[3] / path)
    trainings = [
        plan_training(
            each, data=tmp_path / "photos", work=tmp_path, device=torch.device("cpu"), commit=None
        )
        for each in plan.values()
    ]
    configs = {
        each.trial.name: str(replace(each.config, name=None, output=tmp_path)) for each in trainings
    }
    ablations = {trial.name: trial.base for trial in plan.values() if trial.base is not None}
    assert len({configs[name] for name in ablations}) == len(ablations)
    assert all(configs[name] != configs[base] for name, base in ablations.items())
    assert len({each.config.output for each in trainings}) == len(plan)
    weights = {each.trial.name: each.recipe["weights"] for each in trainings}
    for ablation in plan.values():  # one loss, or one exchanged for another
        if ablation.base is not None and ablation.name != "former-losses":
            base, own = weights[ablation.base], weights[ablation.name]
            changed = [name for name in base if base[name] != own[name]]
            assert len(changed) <= 1 or (len(changed) == 2 and any(own[n] == 0 for n in changed))


def test_the_plan_of_the_frontier_has_different_students_of_two_backbones() -> None:
    plan = read_plan(Path(__file__).parents[3] / "reports" / "frontier" / "plan.toml")
    first = [trial for trial in plan.values() if trial.options.seed is None]
    for backbone, least in (("mobilenet_v1", 16), ("vgg16", 8)):
        students = [trial for trial in first if trial.options.backbone == backbone]
        assert len(students) >= least
        assert len({str(trial.options) for trial in students}) == len(students)
    schedules = {str((trial.options.steps, trial.options.set)) for trial in plan.values()}
    assert len(schedules) == 1  # one recipe for all
    seeds = [trial.options.seed for trial in plan.values()]
    assert seeds.count(1) == seeds.count(2) == 4
