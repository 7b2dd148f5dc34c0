"""The tables and some sentences of docs/frontier.md are those of the committed records."""

from pathlib import Path
from statistics import fmean

import pandas as pd
import pytest
from document_tables import DOCS, check_difference, metric_of, read_tables

from bench.analysis.differences import difference_interval
from bench.analysis.ratios import format_ratio, format_ratio_interval, speed_ratios
from bench.quality.protocol import METRICS
from bench.records.store import read_latest_records
from bench.report.common.formats import format_bytes, format_number
from bench.report.common.summary import summarize
from bench.sweeps.records import load_records

REPORTS = Path(__file__).parents[3] / "reports"
RESOLUTION = "HD"
WITNESSES = ["SSIM", "MS-SSIM", "HaarPSI", "Sliced Wasserstein", "Histogram correlation"]
OURS, THEIRS = "mobilenet_v1", "authors_mobilenet_v1"


def read(heading, *, count=1):
    tables = read_tables("frontier.md", heading)
    assert len(tables) == count
    return tables


def plain_text():
    return " ".join((DOCS / "frontier.md").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def trials():
    return load_records(REPORTS / "frontier")


def compare(metric, ours, theirs):
    """Return the mean difference image pair by image pair and its interval; positive is better."""
    assert ours.keys() == theirs.keys()
    sign = 1 if metric.higher_is_better else -1
    sides = ([sign * side[pair] for pair in sorted(ours)] for side in (ours, theirs))
    found = difference_interval(*sides)
    return found.value, *sorted(found.ends)


def compare_trials(title, one, other):
    metric = metric_of(title)
    assert metric.name not in {*one.card["trained_metrics"], *other.card["trained_metrics"]}
    return compare(metric, one.scores[metric.name], other.scores[metric.name])


def check_mean(title, cell, values):
    digits = 2 if title == "Sliced Wasserstein" else 3
    assert cell == f"{fmean(values):.{digits}f}"


def check_interval(cell, value, low, high):
    assert cell == f"{format_number(value)} [{format_number(low)}, {format_number(high)}]"


def is_cheap(name):
    return "separable" in name or "low_rank" in name


@pytest.mark.parametrize("heading", ["Where quality breaks", "Cheaper structure"])
@pytest.mark.parametrize(("place", "base"), [(0, "mobilenet"), (1, "vgg")])
def test_quality_of_the_trials(trials, heading, place, base):
    header, rows = read(heading, count=2)[place]
    assert header == ["Student", "Ranks", "Parameters", "MACs/px", "HD ms", *WITNESSES]
    cheap = heading == "Cheaper structure"
    expected = {
        f"`{name}`"
        for name, record in trials.items()
        if name.startswith(f"{base}-") and record.card and is_cheap(name) == cheap
    }
    assert {name for name, *_ in rows} == {f"`{base}`", *expected}
    assert rows[0][0] == f"`{base}`"
    for name, ranks, parameters, macs, latency, *cells in rows:
        record = trials[name.strip("`")]
        costs = record.costs[RESOLUTION]
        assert ranks == ", ".join(map(str, record.card["ranks"]))
        assert parameters == f"{costs['num_params']:,}"
        assert macs == f"{costs['macs_per_pixel']:,.0f}"
        keys = ("latency_ms", "latency_low_ms", "latency_high_ms")
        check_interval(latency, *(costs[key] for key in keys))
        for title, cell in zip(WITNESSES, cells, strict=True):
            if record.name == base:
                check_mean(title, cell, record.scores[metric_of(title).name].values())
            else:
                check_difference(cell, compare_trials(title, record, trials[base]))


def test_plans_and_the_rule(trials):
    ((header, rows),) = read("`pcakd plan` and one mcev for all taps")
    assert header == ["Plan", "Equal mcev", "MACs/px", "MACs/px, equal mcev", *WITNESSES]
    equal = {f"`{name}`" for name in trials if "-equal-" in name}
    assert {other for _, other, *_ in rows} == equal
    for plan, rule, *cells in rows:
        one, other = (trials[name.strip("`")] for name in (plan, rule))
        macs = [each.costs[RESOLUTION]["macs_per_pixel"] for each in (one, other)]
        assert cells[:2] == [f"{each:,.0f}" for each in macs]
        for title, cell in zip(WITNESSES, cells[2:], strict=True):
            check_difference(cell, compare_trials(title, one, other))


def test_predictions():
    ((header, rows),) = read("What is known before training")
    assert header == ["Family", "Predictor", *WITNESSES]
    found = pd.read_csv(REPORTS / "frontier" / "tables" / "prediction.csv")
    assert len(rows) == len(found.groupby(["family", "predictor"]))
    for family, predictor, *cells in rows:
        for title, cell in zip(WITNESSES, cells, strict=True):
            chosen = found[
                (found.family == family)
                & (found.predictor == predictor.strip("`"))
                & (found.metric == metric_of(title).name)
            ]
            (row,) = chosen.itertuples()
            check_difference(cell, (row.correlation, row.low, row.high))


@pytest.fixture(scope="module")
def students():
    """Return the values of the 50 image pairs by subject, metric and image pair."""
    found = {}
    for record in read_latest_records(REPORTS / "students"):
        if record.kind == "quality" and record.case.strength is None:
            found.setdefault(record.case.subject, {})[record.case.pair] = record
    return found


def compare_students(students, metric, ours, theirs):
    sides = [
        {pair: getattr(each, metric.name) for pair, each in students[name].items()}
        for name in (ours, theirs)
    ]
    assert len(sides[0]) == 50
    return compare(metric, *sides)


def test_small_students_with_the_whole_recipe(students):
    ((header, rows),) = read("Small students with the whole recipe")
    assert {metric_of(title) for title, *_ in rows} == {m for m in METRICS if m.name != "gram"}
    pairs = [[name.strip("` ") for name in title.split(" and ")] for title in header[1:]]
    for title, *cells in rows:
        metric = metric_of(title)
        trained = {name for each in students[f"{OURS}-s"].values() for name in each.trained_metrics}
        assert title.endswith("‡") == (metric.name in trained)
        for (ours, theirs), cell in zip(pairs, cells, strict=True):
            check_difference(cell, compare_students(students, metric, ours, theirs))


def test_where_the_small_students_are_worse(students):
    for size, other, worse in (
        ("s", THEIRS, set()), ("m", THEIRS, set()), ("m", f"{OURS}@2", {"alexnet_gram"}),
    ):  # fmt: skip
        found = {
            metric.name
            for metric in METRICS
            if compare_students(students, metric, f"{OURS}-{size}", other)[2] < 0
        }
        assert found == worse


@pytest.fixture(scope="module")
def small():
    folder = REPORTS / "small"
    return summarize(read_latest_records(folder), folder)


@pytest.fixture(scope="module")
def arithmetic():
    folder = REPORTS / "arithmetic"
    return summarize(read_latest_records(folder), folder)


def check_costs(summary, name, titles, cells):
    commits = {each.commit for each in summary.records if each.kind == "cost"}
    assert len(commits) == 1
    costs = {(row.subject, row.resolution): row for row in summary.cost}
    for title, cell in zip(titles, cells, strict=True):
        resolution, what = title.split()
        row = costs[name.strip("`"), resolution]
        if row.latency_ms is None:
            predicted = {
                "ms": format_number(row.predicted_latency_ms),
                "memory": format_bytes(row.predicted_peak_bytes),
            }
            assert cell == f"≈ {predicted[what]}"
        elif what == "ms":
            check_interval(cell, row.latency_ms.value, *row.latency_ms.ends)
        else:
            assert (what, cell) == ("memory", format_bytes(row.peak_bytes))


def test_latencies(small):
    ((header, rows),) = read("Latency")
    assert [name for name, *_ in rows] == [f"`{OURS}-s`", f"`{OURS}-m`", f"`{OURS}`"]
    for name, *cells in rows:
        check_costs(small, name, header[1:], cells)


def test_cheaper_arithmetic(arithmetic):
    ((header, rows),) = read("Cheaper arithmetic")
    assert [name for name, *_ in rows] == [
        f"`{OURS}{suffix}`" for suffix in ("", "+bf16", "+int8", ">lut33")
    ]
    num_costs = 4
    for name, *cells in rows:
        check_costs(arithmetic, name, header[1 : 1 + num_costs], cells[:num_costs])
        own = [
            each
            for each in arithmetic.records
            if each.kind == "quality" and each.case.subject == name.strip("`")
        ]
        assert len(own) == 50
        for title, cell in zip(header[1 + num_costs :], cells[num_costs:], strict=True):
            check_mean(title, cell, [getattr(each, metric_of(title).name) for each in own])


def test_the_target_of_latency(small):
    (speed,) = speed_ratios(small.records)
    names = (speed.case.subject, speed.case.other, speed.case.resolution)
    assert names == (OURS, f"{OURS}-m", RESOLUTION)
    ratio = f"{format_ratio(speed.ratio.value)} {format_ratio_interval(speed.ratio)}"
    share = 100 / speed.ratio.value
    assert share > 60
    faster = f"`mobilenet_v1-m` is {ratio} times as fast as `mobilenet_v1`"
    assert f"{faster}, so it takes {share:.0f} % of its latency" in plain_text()


def test_the_bytes_that_maps_move():
    found = pd.read_csv(REPORTS / "small" / "tables" / "time-breakdown.csv")
    own = found[found.section.isin(["encode", "decode"])]
    moved = own.groupby("subject").bytes.sum()
    share = round(100 * moved[f"{OURS}-m"] / moved[OURS])
    assert f"they move {share} % of its bytes" in plain_text()
