"""The command line as a whole: help, bad usage, interrupts."""

import os
import signal
import subprocess
import sys

import pytest
from command_line import one_line

import pcakd
from pcakd.cli import COMMANDS, main


@pytest.mark.parametrize(
    "arguments",
    [
        ["stylize", "a", "b", "-o", "c", "--strength", "2"],
        ["stylize", "a", "b", "-o", "c", "--device", "tpu"],
        ["eigenbases", "--backbone", "tiny", "--data", "nowhere", "-o", "x.safetensors"],
        ["distill", "--backbone", "vgg18", "--data", ".", "-o", "x"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--ranks", "1,2"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--name", "../mine"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--name", "checkpoint"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--name", "mine."],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "tap_offset"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "ridge=-1"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "min_r2_share=nan"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "twin=0.5"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "seed=1"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "identity_share=1.5"],
        ["import-authors", "nowhere.npz", "-o", "x.safetensors"],
    ],
)
def test_bad_arguments_areone_line(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    one_line(capsys, "pcakd: error:")
    assert not list(tmp_path.iterdir())


def test_bad_usage_is_one_line(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["stylize", "a"])
    one_line(capsys, "pcakd stylize: error:", "--help")


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"pcakd {command}" in capsys.readouterr().out.split("examples:")[1]


def test_list_names_everything(capsys):
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    for name in ("vgg16", "vgg19", "mobilenet_v1", "unverified", "pinned", "zca, ot, adain"):
        assert name in text


def test_eigenbases_writes_a_file(photos, tmp_path, capsys):
    output = tmp_path / "bases.safetensors"
    arguments = ["--backbone", "tiny", "--data", str(photos), "--mcev", "0.85"]
    assert main(["eigenbases", *arguments, "-o", str(output), "--device", "cpu"]) == 0
    assert output.exists()
    assert "mcev" in capsys.readouterr().out


def test_an_interrupt_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(
        "pcakd.commands.list._students", lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    assert main(["list"]) == 130
    one_line(capsys, "interrupted")


def test_help_is_readable_on_a_console_without_greek():
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    command = [sys.executable, "-m", "pcakd", "distill", "--help"]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert b"--regularizer" in done.stdout


def test_students_are_imported_into_safetensors_only(tmp_path, capsys):
    output = tmp_path / "student.npz"
    assert main(["import-authors", str(tmp_path / "a.npz"), "-o", str(output)]) == 2
    one_line(capsys, output, "must end in .safetensors")


def test_help_needs_no_torch():
    code = (
        "import sys; from pcakd.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    )
    code += "sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"import-authors" in done.stdout


def test_without_arguments_there_is_help(capsys):
    with pytest.raises(SystemExit, match="0"):
        main([])
    text = capsys.readouterr().out
    assert text.startswith("usage: pcakd")
    assert all(name in text for name in COMMANDS)


def test_the_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"pcakd {pcakd.__version__}\n"


@pytest.mark.parametrize("arguments", [["--quiet"], ["stylize", "--output"]])
def test_unknown_options_are_one_line(capsys, arguments):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    one_line(capsys, "error:", "--help")


def test_an_unknown_command_is_one_line_with_the_nearest_name(capsys):
    assert main(["stylise", "a", "b"]) == 2
    one_line(capsys, "pcakd: error: command 'stylise' is not known", "did you mean 'stylize'?")


def test_termination_is_one_line(monkeypatch, capsys):
    def end():
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("the signal was not handled")

    monkeypatch.setattr("pcakd.commands.list._students", end)
    assert main(["list"]) == 143
    one_line(capsys, "pcakd: stopped by SIGTERM")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
