"""The tables of docs/frontier.md are those of the committed records."""

from pathlib import Path

import pandas as pd
import pytest
from document_tables import DOCS, check_difference, metric_of, read_tables

from bench.analysis.differences import difference_interval
from bench.analysis.ratios import format_ratio, format_ratio_interval, speed_ratios
from bench.records.store import read_latest_records
from bench.report.common.formats import format_bytes, format_number
from bench.report.common.summary import summarize
from bench.sweeps.records import load_records

REPORTS = Path(__file__).parents[3] / "reports"
RESOLUTION = "HD"


def read(heading):
    return read_tables("frontier.md", heading)


@pytest.fixture(scope="module")
def trials():
    return load_records(REPORTS / "frontier")


def compare(metric, ours, theirs):
    """Return the mean difference image pair by image pair and its interval; positive is better."""
    assert ours.keys() == theirs.keys()
    sign = 1 if metric.higher_is_better else -1
    found = difference_interval(
        *([sign * side[pair] for pair in sorted(ours)] for side in (ours, theirs))
    )
    return found.value, *sorted(found.ends)


def compare_trials(title, one, other):
    metric = metric_of(title)
    assert metric.name not in {*one.card["trained_metrics"], *other.card["trained_metrics"]}
    return compare(metric, one.scores[metric.name], other.scores[metric.name])


def describe(record):
    """Return the cells of a student that come before its metric values."""
    costs = record.costs[RESOLUTION]
    ranks = ", ".join(map(str, record.card["ranks"]))
    counts = f"{costs['num_params']:,}", f"{costs['macs_per_pixel']:,.0f}"
    return [ranks, *counts, format_number(costs["latency_ms"])]


@pytest.mark.parametrize("heading", ["Where quality breaks", "Cheaper structure"])
@pytest.mark.parametrize(("place", "base"), [(0, "mobilenet"), (1, "vgg")])
def test_quality_of_the_trials(trials, heading, place, base):
    header, rows = read(heading)[place]
    assert rows[0][0] == f"`{base}`"
    for name, *cells in rows:
        record = trials[name.strip("`")]
        assert cells[:4] == describe(record)
        for title, cell in zip(header[5:], cells[4:], strict=True):
            if record.name == base:
                metric = metric_of(title)
                values = record.scores[metric.name].values()
                digits = len(cell.partition(".")[2])
                assert float(cell) == round(sum(values) / len(values), digits)
            else:
                check_difference(cell, compare_trials(title, record, trials[base]))


def test_plans_and_the_rule(trials):
    ((header, rows),) = read("`pcakd plan` and one mcev for all taps")
    for plan, rule, *cells in rows:
        one, other = (trials[name.strip("`")] for name in (plan, rule))
        macs = [each.costs[RESOLUTION]["macs_per_pixel"] for each in (one, other)]
        assert cells[:2] == [f"{each:,.0f}" for each in macs]
        for title, cell in zip(header[4:], cells[2:], strict=True):
            check_difference(cell, compare_trials(title, one, other))


def test_predictions():
    ((header, rows),) = read("What is known before training")
    found = pd.read_csv(REPORTS / "frontier" / "tables" / "prediction.csv")
    for family, predictor, *cells in rows:
        for title, cell in zip(header[2:], cells, strict=True):
            chosen = found[
                (found.family == family)
                & (found.predictor == predictor.strip("`"))
                & (found.metric == metric_of(title).name)
            ]
            (row,) = chosen.itertuples()
            check_difference(cell, (row.correlation, row.low, row.high))


@pytest.fixture(scope="module")
def small():
    folder = REPORTS / "small"
    return summarize(read_latest_records(folder), folder)


@pytest.fixture(scope="module")
def students():
    """Return the values of the 50 image pairs by subject, metric and image pair."""
    found = {}
    for record in read_latest_records(REPORTS / "students"):
        if record.kind == "quality" and record.case.strength is None:
            found.setdefault(record.case.subject, {})[record.case.pair] = record
    return found


def test_small_students_with_the_whole_recipe(students):
    ((header, rows),) = read("Small students with the whole recipe")
    assert len(rows) == 11
    pairs = [[name.strip("` ") for name in title.split(" and ")] for title in header[1:]]
    for title, *cells in rows:
        metric = metric_of(title)
        for (ours, theirs), cell in zip(pairs, cells, strict=True):
            sides = [
                {pair: getattr(each, metric.name) for pair, each in students[name].items()}
                for name in (ours, theirs)
            ]
            assert len(sides[0]) == 50
            check_difference(cell, compare(metric, *sides))


@pytest.mark.parametrize("heading", ["Latency", "Cheaper arithmetic"])
def test_costs(small, heading):
    ((header, rows),) = read(heading)
    costs = {(row.subject, row.resolution): row for row in small.cost}
    for name, *cells in rows:
        for title, cell in zip(header[1:], cells, strict=True):
            resolution, _, what = title.partition(" ")
            row = costs[name.strip("`"), resolution]
            if row.latency_ms is None:
                predicted = {
                    "ms": format_number(row.predicted_latency_ms),
                    "memory": format_bytes(row.predicted_peak_bytes),
                }
                assert cell == f"≈ {predicted[what]}"
            elif what == "ms":
                ends = [format_number(end) for end in row.latency_ms.ends]
                assert cell == f"{format_number(row.latency_ms.value)} [{ends[0]}, {ends[1]}]"
            else:
                assert (what, cell) == ("memory", format_bytes(row.peak_bytes))


def test_the_target_of_latency(small, trials):
    text = " ".join((DOCS / "frontier.md").read_text(encoding="utf-8").split())
    (speed,) = speed_ratios(small.records)
    ratio = f"{format_ratio(speed.ratio.value)} {format_ratio_interval(speed.ratio)}"
    assert f"`mobilenet_v1` takes {ratio} times as long as `mobilenet_v1-m`" in text
    smallest, paper = (
        trials[name].costs[RESOLUTION] for name in ("mobilenet-rule-mcev0.55", "mobilenet")
    )
    assert round(paper["macs_per_pixel"] / smallest["macs_per_pixel"]) == 8
    share = smallest["latency_ms"] / paper["latency_ms"]
    assert (
        f"an eighth of the multiply-adds takes {share:.0%} of the time".replace("%", " %") in text
    )
