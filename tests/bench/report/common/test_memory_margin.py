"""The margin of out-of-memory is the measured error of predictions."""

import pytest

from bench.report.common.summary import summarize

MIB = 2**20
SIZES = {"HD": (1280, 720), "FHD": (1920, 1080), "8K": (7680, 4320)}


@pytest.fixture
def make_rows(make_cost):
    def make(peaks, subject="vgg16", **fields):
        return [
            make_cost(
                subject, resolution=name, width=SIZES[name][0], height=SIZES[name][1],
                peak_bytes=peak, **fields,
            )
            for name, peak in peaks.items()
        ]  # fmt: skip

    return make


def affine(width, height, *, rate, base=0):
    return base + rate * width * height


def test_the_worst_overestimate_is_the_margin(make_rows):
    exact = {name: affine(*size, rate=60, base=MIB) for name, size in SIZES.items()}
    high = {**exact, "8K": int(exact["8K"] / 1.1)}
    low = {**exact, "8K": int(exact["8K"] * 1.3)}
    records = [*make_rows(exact, "a"), *make_rows(high, "b"), *make_rows(low, "c")]
    assert {row.oom_margin for row in summarize(records).cost} == {1.1}
    assert {row.oom_margin for row in summarize(make_rows(low)).cost} == {1.0}


def test_without_three_sizes_it_is_the_bound_of_the_documentation(make_rows):
    records = make_rows({"HD": 70 * MIB, "FHD": 140 * MIB})
    assert {row.oom_margin for row in summarize(records).cost} == {1.25}


def test_a_prediction_from_one_size_has_the_error_of_such_predictions(make_rows):
    exact = {name: affine(*size, rate=60, base=40 * MIB) for name, size in SIZES.items()}
    records = [*make_rows(exact, "a"), *make_rows({"HD": 90 * MIB}, "b")]
    margins = {row.subject: row.oom_margin for row in summarize(records).cost}
    # the constant part counts 36 times at 8K if HD alone is known
    proportional = exact["HD"] * 36 / exact["8K"]
    assert margins == {"a": 1.0, "b": pytest.approx(proportional, abs=0.01)}
    assert margins["b"] > 1.5


def test_each_machine_has_its_own(make_rows):
    exact = {name: affine(*size, rate=60) for name, size in SIZES.items()}
    high = {**exact, "8K": exact["8K"] // 2}
    records = [*make_rows(exact), *make_rows(high, threads=8)]
    margins = {row.machine.threads: row.oom_margin for row in summarize(records).cost}
    assert margins == {records[0].case.threads: 1.0, 8: 2.0}
