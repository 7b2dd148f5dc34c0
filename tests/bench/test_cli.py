"""The command line: lazy, one line for bad input, exit status 2."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.cli import COMMANDS, main
from pcakd import __version__


def test_help_lists_commands_and_an_example(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert "usage: python -m bench" in text
    assert "example: python -m bench run" in text
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_helps_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"example: python -m bench {command}" in capsys.readouterr().out


def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--config", "mine.toml"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("bench: error: mine.toml does not exist")
    assert error.count("\n") == 1


def test_committed_records_are_needed_for_check_only(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 2
    error = capsys.readouterr().err
    assert "does not exist; run this in a checkout" in error
    assert error.count("\n") == 1


def test_without_arguments_it_helps(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m bench")


def test_the_console_script_has_its_own_name(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pcakd-bench", "report", "--help"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: pcakd-bench report")
    assert "example: pcakd-bench report" in text


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"pcakd-bench {__version__}\n"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (["claims", "DIR"], "bench: interrupted\n"),
        (["run"], "bench: interrupted; `pcakd-bench run … --resume` continues\n"),
        (
            ["train", "photowct", "--data", "D", "-o", "O"],
            "`pcakd-bench train … --resume` continues\n",
        ),
    ],
)
def test_an_interrupt_says_how_to_continue(monkeypatch, capsys, command, text):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"bench.commands.{command[0]}.run", interrupt)
    assert main(command) == 130
    assert capsys.readouterr().err.endswith(text)


def test_a_signal_stops_with_one_line(monkeypatch, capsys):
    def terminate(options):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    monkeypatch.setattr("bench.commands.run.run", terminate)
    assert main(["run"]) == 143
    error = capsys.readouterr().err
    assert error == "bench: stopped by SIGTERM; `pcakd-bench run … --resume` continues\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_unknown_command_is_one_line_with_the_nearest_name(capsys):
    assert main(["rnu"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("bench: error: command 'rnu' is not known; did you mean 'run'?")
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "sweep", "train", "score", "profile"])
def test_help_names_the_devices_of_this_machine_only(command, monkeypatch, capsys):
    monkeypatch.setattr("pcakd.utils.devices.list_devices", lambda: ["cpu", "mps"])
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "where to compute: auto, cpu, mps (default:" in text
    assert "cuda" not in text


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
    [(["-m", "bench", "--help"], "usage:"), (["-c", ARROWS], "? 5 ? 6 ms")],
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
