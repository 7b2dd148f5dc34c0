"""The command line: lazy, one line for bad input, exit status 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import COMMANDS, main


def test_help_lists_commands_and_an_example(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert "example: python -m bench" in text
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_helps_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"example: python -m bench {command}" in capsys.readouterr().out


def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("bench: error: benchmarks.toml does not exist")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (["claims", "DIR"], "bench: interrupted\n"),
        (["run"], "bench: interrupted; `bench run … --resume` goes on\n"),
        (["train", "photowct", "--data", "D", "-o", "O"], "`bench train … --resume` goes on\n"),
    ],
)
def test_an_interrupt_says_what_goes_on(monkeypatch, capsys, command, text):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"bench.commands.{command[0]}.run", interrupt)
    assert main(command) == 130
    assert capsys.readouterr().err.endswith(text)


ARROWS = """
import sys, types
TEXT = "\u2248 5 \u2192 6 ms"
from bench.cli import main
command = types.ModuleType("report")
command.add_arguments, command.run = lambda parser: None, lambda options: print(TEXT)
sys.modules["bench.commands.report"] = command
sys.exit(main(["report"]))
"""


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(["-m", "bench", "--help"], "bench run"), (["-c", ARROWS], "? 5 ? 6 ms")],
)
def test_an_encoding_without_arrows_is_no_error(arguments, text):
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, *arguments], capture_output=True, env=environment)
    assert done.returncode == 0
    assert text in done.stdout.decode("cp1252")
    assert not done.stderr


def test_command_line_does_not_import_torch_by_itself():
    modules = "bench.cli, bench.run.runner, bench.commands.run"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
