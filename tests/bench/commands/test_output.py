"""Commands that write into a folder: one at a time, and never over files of the user."""

from pathlib import Path

import pytest
from command_line import one_line
from filelock import FileLock
from quality_inputs import save_random

from bench.cli import main
from pcakd.utils.locks import LOCK_NAME

CONFIG = str(Path(__file__).parents[3] / "benchmarks.toml")
COMMANDS = {
    "run": ["--only", "cost", "--subjects", "content", "--config", CONFIG],
    "run --resume": ["--only", "cost", "--subjects", "content", "--config", CONFIG],
    "ratio": ["content", "mkl"],
    "capacity": ["content", "--memory", "1GiB", "--config", CONFIG],
    "profile": ["vgg16", "--resolution", "HD", "--no-trace"],
    "score": ["--pairs", "pairs", "--results", "results"],
    "sweep": [],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for place in ("pairs", "results"):
        (tmp_path / place).mkdir()
    for name in ("pairs/01_content", "pairs/01_style", "results/01"):
        save_random(tmp_path / f"{name}.png", 40, 40)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_another_process_writes_into_is_refused(folder, capsys, command):
    if command != "sweep":
        (folder / "records.jsonl").touch()
    with FileLock(folder / LOCK_NAME):
        assert main([*command.split(), *COMMANDS[command], "--out", "out"]) == 2
    one_line(capsys, "another run writes into out")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_of_the_user_is_not_replaced(folder, capsys, command):
    page = folder / "README.md"
    page.write_text("my notes\n")
    assert main([*command.split(), *COMMANDS[command], "--out", "out"]) == 2
    one_line(capsys, "out", "would replace its README.md; name another folder")
    assert page.read_text() == "my notes\n"
    assert {path.name for path in folder.iterdir()} <= {"README.md", LOCK_NAME}
