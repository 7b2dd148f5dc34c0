"""The accuracy of predictions."""

from bench.report.common.summary import summarize
from bench.report.cost.prediction import check_predictions, prediction_table


def _cost(make_cost, resolution, size, *, latency_ns=None, peak_bytes=None, **changes):
    width, height = size
    samples = None if latency_ns is None else [latency_ns] * 3
    return make_cost(
        resolution=resolution,
        width=width,
        height=height,
        latency_ns=samples,
        peak_bytes=peak_bytes,
        macs_total=1000 * width * height,
        **changes,
    )


def test_the_largest_measured_case_is_predicted_from_the_smaller_ones(make_cost):
    records = [
        _cost(make_cost, "HD", (1280, 720), latency_ns=10**9, peak_bytes=10**8),
        _cost(make_cost, "FHD", (1920, 1080), latency_ns=2 * 10**9, peak_bytes=3 * 10**8),
        _cost(make_cost, "8K", (7680, 4320), status="predicted"),
    ]
    (check,) = check_predictions(summarize(records))
    assert check.basis == ("HD",)
    assert check.row.resolution == "FHD"
    assert check.latency_ms == 2250  # 2.25 times the pixels
    assert check.peak_bytes == 225_000_000
    (cells,) = prediction_table(summarize(records)).cells.to_dict("records")
    assert cells["Latency error"] == "+12%"  # 2,250 against 2,000 ms
    assert cells["Memory error"] == "-25%"


def test_subjects_without_predictions_or_with_one_size_are_left_out(make_cost):
    measured = [
        _cost(make_cost, "HD", (1280, 720), latency_ns=10**9, peak_bytes=10**8),
        _cost(make_cost, "FHD", (1920, 1080), latency_ns=2 * 10**9, peak_bytes=3 * 10**8),
    ]
    assert check_predictions(summarize(measured)) == []
    single = [measured[0], _cost(make_cost, "8K", (7680, 4320), status="predicted")]
    assert prediction_table(summarize(single)).cells.empty
