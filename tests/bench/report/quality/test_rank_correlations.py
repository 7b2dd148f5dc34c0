"""Rank correlations between metrics: Kendall's tau by its definition, and changed orders."""

from itertools import combinations

import numpy as np
import pytest

from bench.report.common.summary import summarize
from bench.report.quality.rank_correlations import rank_rows, rank_table

SUBJECTS = ("a", "b", "c", "d")


@pytest.fixture
def make_records(make_quality):
    """Return a maker of records from arrays of values (subject × image pair) by metric."""

    def make(subjects=SUBJECTS, **values):
        names = ("gram", "ssim", "lpips", "bounded_gram", "gmsd")
        return [
            make_quality(
                subject,
                pair=f"{pair:02}",
                protocol=dict.fromkeys(names, "a protocol"),
                **dict.fromkeys(("gram", "ssim", "lpips"))
                | {name: float(array[row, pair]) for name, array in values.items()},
            )
            for row, subject in enumerate(subjects)
            for pair in range(next(iter(values.values())).shape[1])
        ]

    return make


def plain_tau(one, other):
    """Concordant minus discordant over all, by the definition; for values without ties."""
    signs = [
        np.sign(one[a] - one[b]) * np.sign(other[a] - other[b])
        for a, b in combinations(range(len(one)), 2)
    ]
    return sum(signs) / len(signs)


def test_tau_is_its_definition_with_directions_taken_into_account(make_records):
    rng = np.random.default_rng(0)
    ssim, gmsd = rng.random((4, 8)), rng.random((4, 8))
    (row,) = rank_rows(summarize(make_records(ssim=ssim, gmsd=gmsd)))
    expected = np.mean([plain_tau(a, -b) for a, b in zip(ssim.T, gmsd.T, strict=True)])
    assert (row.metric, row.other, row.subjects) == ("ssim", "gmsd", SUBJECTS)
    assert row.tau.value == pytest.approx(expected)
    assert row.tau.low < row.tau.value < row.tau.high
    means = ssim.mean(1), -gmsd.mean(1)
    changed = {
        (SUBJECTS[a], SUBJECTS[b])
        for a, b in combinations(range(4), 2)
        if (means[0][a] < means[0][b]) != (means[1][a] < means[1][b])
    }
    assert set(row.reversed) == changed


def test_metrics_that_agree_have_one_and_change_no_order(make_records):
    values = np.arange(24.0).reshape(4, 6) / 100
    summary = summarize(make_records(gram=values, bounded_gram=values**2, ssim=values))
    (row,) = rank_rows(summary)  # style and content metrics are not compared
    assert (row.metric, row.other) == ("gram", "bounded_gram")
    assert (row.tau.value, row.reversed) == (1.0, ())
    cells = rank_table(summary).cells.iloc[0]
    assert cells["Metric"] == "Gram ↓"
    assert cells["Compared with"] == "Bounded Gram ↓"
    assert cells["Kendall's tau"].startswith("1.00 [")
    assert cells["Kendall's tau"].endswith(", 1.00]")
    assert row.tau.low < 0.5  # six that agree can be chance
    assert cells["Order changes"] == "—"


def test_changed_orders_are_named(make_records):
    ssim = np.array([[0.1], [0.2], [0.3]]).repeat(6, 1)
    lpips = np.array([[0.1], [0.2], [0.3]]).repeat(6, 1)  # lower is better: all reversed
    table = rank_table(summarize(make_records(SUBJECTS[:3], ssim=ssim, lpips=lpips)))
    assert table.cells["Kendall's tau"][0].startswith("-1.00")
    assert table.cells["Order changes"][0] == "3 of 3: a and b; a and c; b and c"
    assert table.data["order_changes"][0] == "a b; a c; b c"


@pytest.mark.parametrize("subjects", [("a", "b"), ("a", "b", "content")])
def test_fewer_than_three_subjects_have_no_table(make_records, subjects):
    values = np.random.default_rng(0).random((len(subjects), 6))
    records = make_records(subjects, ssim=values, lpips=values)
    assert rank_table(summarize(records)).cells.empty


def test_equal_values_and_other_machines_have_no_table(make_records, make_quality):
    values = np.ones((4, 6))
    assert rank_rows(summarize(make_records(ssim=values, lpips=values))) == []
    values = np.random.default_rng(0).random((4, 6))
    records = make_records(ssim=values, lpips=values)
    assert rank_rows(summarize(records))
    assert rank_rows(summarize([*records, make_quality("e", device_name="Another")])) == []
