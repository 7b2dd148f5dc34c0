"""The page of a self-test of the gate."""

import csv
import json

import pytest

from bench.gate.rates import FILE_NAME
from bench.report.render import render_report


@pytest.fixture
def folder(tmp_path, make_gate):
    changes = (0.08, 0.09, 0.1, 0.11, 0.12, 0.1)
    gates = [make_gate(0.0, 0, number=number) for number in range(8)]
    gates += [
        make_gate(0.1, 1, logs=[change] * launches, number=number)
        for number, (change, launches) in enumerate(zip(changes, (4, 4, 6, 8, 8, 8), strict=True))
    ]
    gates += [make_gate(0.1, 3, logs=[0.04] * 8, number=6)]
    text = "".join(f"{json.dumps(each)}\n" for each in gates)
    (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
    return tmp_path


def read(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_page_has_rates_and_power(folder):
    page = render_report(folder)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Self-test of the regression gate: a processor\n\n15 gates compare")
    assert "(latency a HD) beside 1 endless loop" in text
    assert "at commit `0123456789ab` with torch 2.9.0 and 2 threads" in text
    rows = {each["slow_down"]: each for each in read(folder / "tables" / "rates.csv")}
    assert (rows["0.0"]["num_gates"], rows["0.0"]["num_failed"]) == ("8", "0")
    assert (rows["0.1"]["num_failed"], rows["0.1"]["num_inconclusive"]) == ("6", "1")
    assert "| 85.7% |" in " ".join(text.split())
    found = [row["num_found"] for row in read(folder / "tables" / "power.csv")]
    assert found == ["0", "0", "0", "2", "3", "6"]


def test_the_plot_and_each_table_are_files(folder):
    render_report(folder)
    expected = [f"tables/{name}{kind}" for name in ("rates", "power") for kind in (".md", ".csv")]
    expected += ["plots/power.png", "plots/power.svg", "tables/rates.tex", "tables/power.tex"]
    assert all((folder / name).stat().st_size for name in expected)


def test_the_same_gates_give_the_same_bytes(folder):
    names = ("README.md", "plots/power.png", "tables/power.csv")
    first, second = (
        [(render_report(folder).parent / name).read_bytes() for name in names] for _ in range(2)
    )
    assert first == second


def test_its_own_files_are_replaced_and_others_kept(folder):
    (folder / "tables").mkdir()
    (folder / "tables" / "notes.md").write_text("mine", encoding="utf-8")
    (folder / "plots").mkdir()
    (folder / "plots" / "power.svg").write_text("old", encoding="utf-8")
    render_report(folder)
    assert (folder / "tables" / "notes.md").read_text(encoding="utf-8") == "mine"
    assert (folder / "plots" / "power.svg").read_text(encoding="utf-8") != "old"
