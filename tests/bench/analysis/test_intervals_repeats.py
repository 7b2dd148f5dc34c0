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


def test_the_documentation_states_how_often_repeats_agree():
    runs = [read_latest_records(folder) for folder in sorted(FOLDER.iterdir())]
    first, second = runs
    (commit,) = {record.commit for records in runs for record in records}
    assert commit
    assert not any(record.dirty for records in runs for record in records)
    (machine,) = {record.case.device_name for records in runs for record in records}
    costs, speeds = ([function(each) for each in runs] for function in (latencies, ratios))
    changes = [
        abs(costs[1][key].value / costs[0][key].value - 1)
        for key in costs[0]
        if key[0] != "content"
    ]
    text = " ".join((ROOT / "docs" / "measurement.md").read_text(encoding="utf-8").split())
    assert (
        f"on one {machine}: intervals of {num_missing(*costs)} of {len(costs[0])} latencies and of "
        f"{num_missing(*speeds)} of {len(speeds[0])} speed ratios miss each other; the medians of "
        f"subjects that stylize differ by {100 * min(changes):.0f} to {100 * max(changes):.0f} %"
    ) in text
    assert len(first) == len(second)
