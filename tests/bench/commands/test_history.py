"""``bench history``: the text, the plot, bad input."""

import json

import pytest

from bench.cli import main
from bench.records.store import append_record


@pytest.fixture
def folders(tmp_path, make_cost):
    """Return three run folders of one machine, of which the last is slower."""
    found = []
    for number, latency in enumerate((10, 10, 20, 20)):
        folder = tmp_path / f"run{number}"
        folder.mkdir()
        commit = f"{number}" * 40
        record = make_cost(latency_ns=[latency], commit=commit, created=f"2026-01-0{number + 1}")
        append_record(folder, record)
        found.append(str(folder))
    return found


def test_a_slower_commit_is_named_and_plotted(folders, tmp_path, capsys):
    plot, table = tmp_path / "history.png", tmp_path / "history.json"
    assert main(["history", *folders, "-o", str(plot), "--json", str(table)]) == 0
    said = capsys.readouterr().out
    assert "vgg16 zca (HD, Some CPU, 2 threads): 4 commits, +100.0 % at 2222222" in said
    assert plot.read_bytes().startswith(b"\x89PNG")
    (line,) = json.loads(table.read_text(encoding="utf-8"))["lines"]
    assert line["change_points"] == [2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--figure", "latencey"], "did you mean 'latency'?"),
        (["--resolution", "8K"], "no record of latency fits"),
        (["-o", "history.pdf"], "must end in .png or .svg"),
    ],
)
def test_bad_input_is_one_line(folders, arguments, message, capsys):
    assert main(["history", *folders, *arguments]) == 2
    assert message in capsys.readouterr().err
