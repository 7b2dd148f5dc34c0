"""The tables of docs/distillation-notes.md are those of the committed records."""

from pathlib import Path

import pytest
from document_tables import check_difference, metric_of, read_tables

from bench.analysis.differences import difference_interval
from bench.analysis.stats import mean_interval
from bench.records.store import read_latest_records
from bench.report.common.summary import summarize
from bench.report.quality.differences import difference_rows
from bench.sweeps.records import load_records

ROOT = Path(__file__).parents[4]
PAIRS = [
    (f"{ours}@2", other)
    for ours, theirs in (("vgg16", "authors_vgg19"), ("mobilenet_v1", "authors_mobilenet_v1"))
    for other in (theirs, "mkl")
]
CURVES = [
    ((f"{ours}@2", strength), other)
    for ours, theirs in (("vgg16", "authors_vgg19"), ("mobilenet_v1", "authors_mobilenet_v1"))
    for strength, other in ((1.0, (theirs, 0.75)), (0.75, ("mkl", None)), (0.5, ("mkl", None)))
]
SEEDS = [
    (f"{ours}@2{seed}", theirs)
    for ours, theirs in (("vgg16", "authors_vgg19"), ("mobilenet_v1", "authors_mobilenet_v1"))
    for seed in ("", "-seed1", "-seed2")
]


def read_notes(heading):
    return read_tables("distillation-notes.md", heading)


def check(table, difference, *, num_metrics):
    """Compare each cell of a table with what ``difference`` returns for its metric and column."""
    header, rows = table
    assert len(rows) == num_metrics
    for title, *cells in rows:
        assert len(cells) == len(header) - 1
        for column, cell in enumerate(cells):
            check_difference(cell, difference(metric_of(title), column))


@pytest.mark.parametrize(("folder", "number"), [("dpst", 0), ("students", 1)])
def test_differences_are_those_of_the_records(folder, number):
    rows = difference_rows(summarize(read_latest_records(ROOT / "reports" / folder)))
    found = {(row.subject, row.other): row.differences for row in rows}

    def difference(metric, column):
        pair = PAIRS[column]
        order = 1 if pair in found else -1
        result = found[pair[::order]][metric.name]
        sign = order if metric.higher_is_better else -order
        return sign * result.value, *sorted(sign * end for end in result.ends)

    check(read_notes("On unseen image pairs")[number], difference, num_metrics=11)


@pytest.fixture(scope="module")
def by_place():
    """Return the records of the 50 image pairs by subject and strength (None: quality)."""
    found = {}
    for record in read_latest_records(ROOT / "reports" / "students"):
        if record.case.regularizer is None:
            place = record.case.subject, record.case.strength
            found.setdefault(place, {})[record.case.pair] = record
    return found


def compare(by_place, metric, ours, other):
    """Return the mean difference over 50 image pairs and its interval; positive is better."""
    pairs = by_place[ours].keys() & by_place[other].keys()
    assert len(pairs) == 50
    sign = 1 if metric.higher_is_better else -1
    sides = [
        [getattr(by_place[side][pair], metric.name) for side in (ours, other)]
        for pair in sorted(pairs)
    ]
    found = mean_interval([sign * (a - b) for a, b in sides if None not in (a, b)])
    return found.mean, found.low, found.high


def test_differences_at_other_strengths_are_those_of_the_records(by_place):
    (table,) = read_notes("At other strengths")
    check(
        table,
        lambda metric, column: compare(by_place, metric, *CURVES[column]),
        num_metrics=10,  # curves have no DISTS
    )


def test_differences_of_other_seeds_are_those_of_the_records(by_place):
    (table,) = read_notes("Three seeds")

    def difference(metric, column):
        ours, theirs = SEEDS[column]
        return compare(by_place, metric, (ours, None), (theirs, None))

    check(table, difference, num_metrics=11)


def test_differences_of_ablations_are_those_of_the_records():
    records = load_records(ROOT / "reports" / "ablations-v2")
    ((_, *titles), rows), *others = read_notes("Ablations of version 2")
    assert not others
    ablations = {name for name, record in records.items() if record.base is not None}
    assert {name.strip("`") for name, *_ in rows} == ablations
    for name, *cells in rows:
        own = records[name.strip("`")]
        base = records[own.base]
        assert own.incomparable(base) is None
        for title, cell in zip(titles, cells, strict=True):
            metric = metric_of(title)
            sign = 1 if metric.higher_is_better else -1
            sides = [each.scores[metric.name] for each in (own, base)]
            found = difference_interval(
                *([sign * side[pair] for pair in sorted(sides[1])] for side in sides)
            )
            check_difference(cell, (found.value, *sorted(found.ends)))
