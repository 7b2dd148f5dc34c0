"""The committed repeats of one measurement: how often their intervals agree."""

from pathlib import Path

from bench.analysis.ratios import speed_ratios
from bench.analysis.stats import process_interval
from bench.records.store import read_latest_records

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "reports" / "repeats"


def latencies(records):
    """Return the interval of each cost case by its subject and resolution."""
    samples = {}
    for record in records:
        if record.kind == "cost":
            case = record.case
            samples.setdefault((case.subject, case.resolution), []).append(record.latency_ns)
    return {key: process_interval(each) for key, each in samples.items()}


def ratios(records):
    found = speed_ratios(records)
    return {(each.case.subject, each.case.other): each.ratio for each in found}


def num_missing(first, second):
    assert first.keys() == second.keys()
    return sum(
        first[key].low > second[key].high or second[key].low > first[key].high for key in first
    )


RUNS = [read_latest_records(FOLDER / name) for name in ("1", "2", "3")]
"""Two runs on one machine, six minutes apart, and one on another machine."""


def compare(first, second):
    """Say how many intervals of two runs miss each other, and by how much their medians differ."""
    assert len(first) == len(second)
    costs, speeds = (
        [function(each) for each in (first, second)] for function in (latencies, ratios)
    )
    changes = [
        abs(costs[1][key].value / costs[0][key].value - 1)
        for key in costs[0]
        if key[0] != "content"
    ]
    return (
        f"{num_missing(*costs)} of {len(costs[0])} latencies and of {num_missing(*speeds)} of "
        f"{len(speeds[0])} speed ratios miss each other",
        f"{100 * min(changes):.0f} to {100 * max(changes):.0f} %",
    )


def test_all_repeats_are_of_one_commit():
    (commit,) = {record.commit for records in RUNS for record in records}
    assert commit
    assert not any(record.dirty for records in RUNS for record in records)


def test_the_documentation_states_how_often_repeats_agree():
    text = " ".join((ROOT / "docs" / "measurement.md").read_text(encoding="utf-8").split())
    missing, changes = compare(*RUNS[:2])
    elsewhere, _ = compare(RUNS[0], RUNS[2])
    assert f"on one AMD EPYC: intervals of {missing}; the medians of" in text
    assert f"the medians of subjects that stylize differ by {changes}." in text
    other = "a run on an AMD EPYC of another generation (AVX2 in place of AVX-512)"
    assert f"Between the first of them and {other} {elsewhere}" in text
