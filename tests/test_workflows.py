"""The action and the workflow: their shell parts run, and their keys fit the command line."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
FAKE = """#!/usr/bin/env bash
printf '%s\\n' "$@" > "$ARGUMENTS"
exit "$STATUS"
"""


def run_step(name, tmp_path, inputs, *, status=0):
    """Run the shell of a step with fake commands; return its exit status, arguments and outputs."""
    step = next(each for each in ACTION["runs"]["steps"] if each["name"] == name)
    folder = tmp_path / "bin"
    folder.mkdir()
    for command in ("python", "pcakd-bench"):
        (folder / command).write_text(FAKE, encoding="utf-8")
        (folder / command).chmod(0o755)
    given = {key: each.get("default", "") for key, each in ACTION["inputs"].items()} | inputs
    values = {
        key: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: given[match[1]], text)
        for key, text in step["env"].items()
    }
    environment = {
        **os.environ,
        **values,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "ARGUMENTS": str(tmp_path / "arguments"),
        "STATUS": str(status),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_ACTION_PATH": "/the action",
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, env=environment, cwd=tmp_path, check=False)
    output = tmp_path / "output"
    return (
        done.returncode,
        (tmp_path / "arguments").read_text(encoding="utf-8").splitlines(),
        output.read_text(encoding="utf-8") if output.exists() else "",
    )


def test_the_gate_is_installed_from_the_action_with_the_arguments_of_pip(tmp_path):
    inputs = {"pip-arguments": "--extra-index-url https://example.org/cpu"}
    status, arguments, _ = run_step("Install the gate", tmp_path, inputs)
    assert status == 0
    assert arguments[-3:] == [
        "--extra-index-url", "https://example.org/cpu", "/the action[bench]",
    ]  # fmt: skip


@pytest.mark.parametrize("status", [0, 1, 2, 3, 4])
def test_the_exit_status_of_the_gate_is_that_of_the_step(tmp_path, status):
    found, _, output = run_step("Compare both sides", tmp_path, {"against": "main"}, status=status)
    assert found == status
    assert output == f"status={status}\n"


def test_inputs_become_options_that_the_command_knows(tmp_path, capsys):
    from bench.cli import _create_parser

    inputs = {
        "against": "some branch; rm -rf x",
        "only": "latency,vgg16",
        "config": "a b.toml",
        "budget": "60",
        "inconclusive": "pass",
        "install": ".[models]",
    }
    _, arguments, _ = run_step("Compare both sides", tmp_path, inputs)
    options = _create_parser("gate").parse_args(arguments)
    assert options.against == inputs["against"]
    assert (options.only, str(options.config), options.budget) == ("latency,vgg16", "a b.toml", 60)
    assert (options.inconclusive, options.install) == ("pass", [".[models]"])
    assert str(options.markdown) == "gate-reports/gate.md"
    # empty inputs are left out
    (tmp_path / "second").mkdir()
    _, arguments, _ = run_step("Compare both sides", tmp_path / "second", {"against": "main"})
    assert "--only" not in arguments
    assert _create_parser("gate").parse_args(arguments).budget is None


def test_no_input_is_pasted_into_a_shell():
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
    for job in WORKFLOW["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")


def test_the_workflow_runs_sessions_that_exist_on_the_supported_pythons():
    text = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    runs = [step.get("run", "") for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    sessions = {
        name
        for run in runs
        for match in re.findall(r"nox -s ([\w ]+)", run)
        for name in match.split()
    }
    assert sessions == {"lint", "actionlint", "check", "bare", "tests"}
    assert all(f"def {name}(" in text for name in sessions)
    assert WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_the_workflow_uses_inputs_that_the_action_has():
    (step,) = [each for each in WORKFLOW["jobs"]["gate"]["steps"] if each.get("uses") == "./"]
    assert {*step["with"]} <= {*ACTION["inputs"]}
    required = {key for key, each in ACTION["inputs"].items() if each.get("required")}
    assert required <= {*step["with"]}


GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$ARGUMENTS"
if [[ "$*" == *"--jq"* ]]; then echo "$COMMENTS"; fi
"""


@pytest.mark.parametrize(
    ("comments", "last"),
    [
        ("", "pr comment 7 --body-file gate-reports/comment.md"),
        (
            "31\n32",
            "api --silent --method PATCH repos/me/mine/issues/comments/31 "
            "--field body=@gate-reports/comment.md",
        ),
        (None, None),
    ],
    ids=["first", "again", "no gate"],
)
def test_the_workflow_comments_once_and_replaces_its_own_comment(tmp_path, comments, last):
    step = next(each for each in WORKFLOW["jobs"]["gate"]["steps"] if "Comment" in str(each))
    (tmp_path / "gh").write_text(GH, encoding="utf-8")
    (tmp_path / "gh").chmod(0o755)
    if comments is not None:
        (tmp_path / "gate-reports").mkdir()
        (tmp_path / "gate-reports" / "gate.md").write_text("**gate passed**\n", encoding="utf-8")
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "ARGUMENTS": str(tmp_path / "arguments"),
        "COMMENTS": comments or "",
        "NUMBER": "7",
        "MARK": step["env"]["MARK"],
        "GITHUB_REPOSITORY": "me/mine",
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True)
    if last is None:
        assert not (tmp_path / "arguments").exists()
        return
    asked, *rest = (tmp_path / "arguments").read_text(encoding="utf-8").splitlines()
    assert "repos/me/mine/issues/7/comments" in asked
    assert rest == [last]
    text = (tmp_path / "gate-reports" / "comment.md").read_text(encoding="utf-8")
    assert text == "<!-- pcakd-bench gate -->\n**gate passed**\n"
