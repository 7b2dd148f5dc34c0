"""Speed ratios from records, and the sentence that describes them."""

import doctest
from pathlib import Path

import pytest

from bench.analysis import ratios
from bench.analysis.ratios import (
    describe_ratio,
    format_ratio,
    format_ratio_interval,
    speed_ratios,
)
from bench.records.store import read_latest_records

ROOT = Path(__file__).parents[3]


def test_examples_in_docstrings():
    assert doctest.testmod(ratios).failed == 0


def test_the_ratio_is_that_of_the_rounds(make_pair, make_cost):
    (speed,) = speed_ratios([make_cost(), make_pair(ratio=9.7)])
    assert speed.ratio.value == pytest.approx(9.7, rel=1e-3)
    assert speed.ratio.ends is None  # of one process
    assert (speed.latency_ns, speed.other_latency_ns) == (pytest.approx(9.7e8), 1e8)
    assert speed.machine == ("cpu", "Some CPU", 2)


def test_repeats_are_joined_and_failures_do_not_hide_figures(make_pair):
    repeats = [make_pair(), make_pair(repeat=1), make_pair(repeat=2, status="oom", reason="full")]
    (speed,) = speed_ratios(repeats)
    assert (speed.ratio.count, speed.num_rounds) == (2, 12)
    assert speed.record.status == "ok"
    (failed,) = speed_ratios(repeats[2:])
    assert failed.ratio is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"ratio": 9.7},
            "mobilenet_v1 is 9.7× as fast as vgg16 (6 rounds, HD, cpu Some CPU, 2 threads)",
        ),
        (
            {"ratio": 0.5, "rounds": 4, "transform": "ot", "threads": 1},
            "mobilenet_v1 is 0.50× as fast as vgg16@ot (4 rounds, HD, cpu Some CPU, 1 thread)",
        ),
        (
            {"ratio": 40, "rounds": 1},
            "mobilenet_v1 is 40× as fast as vgg16 (1 round, HD, cpu Some CPU, 2 threads)",
        ),
        (
            {"status": "oom", "reason": "took more than 4 GiB"},
            "vgg16 against mobilenet_v1: oom, took more than 4 GiB (HD, cpu Some CPU, 2 threads)",
        ),
    ],
)
def test_the_sentence_describes_the_ratio(make_pair, changes, text):
    (speed,) = speed_ratios([make_pair(**changes)])
    assert describe_ratio(speed) == text


def test_the_interval_is_over_processes(make_pair):
    # within a process there is no variation at all; between processes there is
    records = [
        make_pair(repeat=n, latency_ns=[ns] * 6, other_latency_ns=[100] * 6)
        for n, ns in enumerate((190, 200, 210))
    ]
    (speed,) = speed_ratios(records)
    assert (speed.ratio.value, speed.ratio.count) == (2.0, 3)
    assert speed.ratio.low < 1.9 < 2.1 < speed.ratio.high
    assert (speed.num_processes, speed.num_rounds) == (3, 18)
    assert "(95 % interval 1.63 to 2.44, 18 rounds in 3 processes, " in describe_ratio(speed)
    (few,) = speed_ratios(records[:2])
    assert (few.ratio.value, few.ratio.ends) == (pytest.approx(1.949, abs=1e-3), None)


def test_the_documentation_states_the_ratios_beside_other_programs():
    measured = speed_ratios(read_latest_records(ROOT / "reports" / "contention"), busy=True)
    text = (ROOT / "docs" / "measurement.md").read_text(encoding="utf-8")
    lines = text.partition("## Busy machines")[2].partition("\n## ")[0].splitlines()
    rows = {}
    for line in (line for line in lines if line.startswith("| `")):
        student, resolution, *cells = (cell.strip(" `") for cell in line.strip("|").split("|"))
        for beside, cell in zip((None, "loops", "torch"), cells, strict=True):
            rows[student, resolution, beside] = cell
    stated = {place for place, cell in rows.items() if cell != "not measured"}
    assert stated == {
        (each.case.other, each.case.resolution, each.case.beside) for each in measured
    }
    for each in measured:
        assert each.case.subject == f"python:bench.subjects.plain:{each.case.other}"
        assert each.num_processes == (3 if each.case.resolution == "4K" else 5)
        assert each.case.device_name == "AMD EPYC"
        cell = f"{format_ratio(each.ratio.value)}× {format_ratio_interval(each.ratio)}"
        assert rows[each.case.other, each.case.resolution, each.case.beside] == cell
