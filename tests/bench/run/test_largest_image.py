"""The search for the largest image: what fits, what runs out of memory, what fails otherwise."""

import sys
from dataclasses import replace

import pytest
from small_runs import FAKE_WORKER, MACHINE, make_context, make_info, make_profile

from bench.commands.capacity import measure
from bench.records.store import read_records
from bench.report.common.summary import summarize
from bench.report.cost.largest_image import capacity_rows
from bench.run.largest_image import (
    judge,
    largest_scale,
    parse_memory,
    plan_largest,
    require_searchable,
    scale_size,
    search_largest,
)
from bench.run.recorder import known_records
from bench.run.runner import Request, run_benchmark
from bench.worker.process import Outcome
from pcakd.errors import ConfigError
from pcakd.utils.resolutions import list_resolutions, parse_resolution

MIB = 2**20
PROFILE = make_profile(
    resolutions=("48x32",), measured=(), warmup=0, samples=1, quality_max_side=0, capacity_gib=0.25
)
INFO = make_info(transforms=("zca", "ot"))
READ = (
    "import sys, json, os, time; job = json.load(sys.stdin); "
    "pixels = job['width'] * job['height']; "
)
ANSWER = (
    "print(json.dumps({'type': 'baseline', 'baseline_bytes': 10**12})); "
    "print(json.dumps({'type': 'capacity', 'peak_bytes': 10**6 + 100 * pixels, "
    "'latency_ns': pixels}))"
)


def search(tmp_path, code=ANSWER, *, memory=100 * MIB, largest="8K", seconds=60.0, known=None):
    command = (sys.executable, "-c", READ + code)
    context = make_context(tmp_path, command=command, memory_bytes=2**36, known=known)
    profile = replace(PROFILE, capacity_gib=memory / 2**30, case_seconds=seconds)
    settings = profile.settings("plain", "cpu")
    planned = plan_largest(INFO, settings, parse_resolution(largest), MACHINE)
    return search_largest(context, planned)


def test_the_limit_is_recorded_with_every_probe(tmp_path):
    record = search(tmp_path)
    assert read_records(tmp_path) == [record]
    assert (record.kind, record.status, record.reason) == ("capacity", "ok", None)
    case = record.case
    assert (case.memory_bytes, case.transform, case.samples, case.warmup) == (
        100 * MIB,
        "zca",
        1,
        0,
    )
    limit = int(((100 * MIB - 10**6) / 100 / 144) ** 0.5)
    found = record.largest_width // 16
    step = max(1, int(0.02 * found))
    assert (record.largest_width, record.largest_height) == scale_size(found)
    assert limit - step < found <= limit
    assert record.peak_bytes == 10**6 + 100 * 144 * found**2 <= 100 * MIB
    failed = min(probe["width"] for probe in record.probes if not probe["fits"])
    assert failed <= 16 * (found + step)
    assert record.probes[0] == {
        "width": 256, "height": 144, "fits": 1, "peak_bytes": 10**6 + 100 * 256 * 144
    }  # fmt: skip
    assert record.obtained["largest_width"] == "measured"
    assert record.config["capacity_gib"] == 100 / 1024


def test_nothing_fits(tmp_path):
    record = search(tmp_path, memory=MIB)
    assert (record.status, record.largest_width, record.peak_bytes) == ("oom", None, None)
    assert record.reason == "256×144: took 4 MiB at its peak"
    assert [probe["fits"] for probe in record.probes] == [0, 0]


def test_a_heap_that_grew_once_too_much_is_tried_again(tmp_path):
    mark = tmp_path / "mark"
    once = f"import pathlib; mark = pathlib.Path({str(mark)!r}); first = not mark.exists(); "
    grown = ANSWER.replace("10**6 +", "(10**9 if first and pixels > 10**5 else 10**6) +")
    touch = "; mark.touch() if pixels > 10**5 else None"
    record = search(tmp_path, once + grown + touch, largest="1280x720")
    assert (record.largest_width, record.status) == (1280, "ok")
    assert record.peak_bytes == 10**6 + 100 * 1280 * 720
    tries = [(probe["width"], probe["fits"]) for probe in record.probes]
    assert [fits for _, fits in tries].count(0) == 1
    failed = next(width for width, fits in tries if not fits)
    assert tries.count((failed, 1)) == 1
    (row,) = capacity_rows(summarize([record]))
    assert row.too_large is None


def test_the_largest_size_to_try_is_a_lower_bound(tmp_path):
    record = search(tmp_path, largest="640x480")
    assert (record.largest_width, record.largest_height, record.status) == (640, 360, "ok")
    assert record.reason == "size asked for: nothing above 640×360 was to be tried"


def test_a_size_that_would_take_too_long_is_not_tried(tmp_path):
    slow = ANSWER.replace("'latency_ns': pixels", "'latency_ns': pixels * 10**5")
    record = search(tmp_path, slow, seconds=60.0)
    assert record.reason == "time budget: larger sizes would take longer than 60 s"
    assert record.status == "ok"
    assert max(probe["width"] * probe["height"] for probe in record.probes) * 1e-4 <= 50
    assert all(probe["fits"] for probe in record.probes)


@pytest.mark.parametrize(
    ("end", "status", "reason"),
    [
        ("sys.exit('gears')", "error", "ended with status 1: gears"),
        ("os.kill(os.getpid(), 9)", "ok", "this machine's memory: {}: killed by the system"),
    ],
)
def test_other_failures_are_reported_as_what_they_are(tmp_path, end, status, reason):
    record = search(tmp_path, f"{end} if pixels > 10**5 else None; {ANSWER}")
    failed = record.probes[-1]
    assert record.status == status
    assert record.largest_width == 256
    assert "fits" not in failed
    assert reason.format(f"{failed['width']}×{failed['height']}") in record.reason


def test_a_failure_of_the_smallest_size_leaves_no_result(tmp_path):
    record = search(tmp_path, "time.sleep(60)", seconds=0.3)
    assert (record.status, record.largest_width) == ("timeout", None)
    assert record.reason == "256×144: took more than its budget of 0.3 s"


def test_a_known_case_is_not_measured_again(tmp_path):
    first = search(tmp_path)
    again = search(tmp_path, "sys.exit(1)", known=known_records(tmp_path))
    assert again == first
    assert read_records(tmp_path) == [first]


@pytest.mark.parametrize(
    ("outcome", "peak", "verdict"),
    [
        (Outcome(status="ok"), 10, "fits"),
        (Outcome(status="ok"), 11, "too_large"),
        (Outcome(status="ok"), None, "error"),
        (Outcome(status="oom"), None, "too_large"),
        (Outcome(status="oom", by_machine=True), None, "machine"),
        (Outcome(status="timeout"), None, "timeout"),
        (Outcome(status="error"), None, "error"),
    ],
)
def test_the_reported_peak_decides(outcome, peak, verdict):
    answer = None if peak is None else {"peak_bytes": peak, "latency_ns": 1}
    assert judge(outcome, answer, given=10, allowed=20).verdict == verdict


def test_a_limit_of_the_machine_below_the_given_memory_decides_nothing():
    assert judge(Outcome(status="oom"), None, given=30, allowed=20).verdict == "machine"


def test_named_resolutions_are_sizes_of_the_search():
    for each in list_resolutions():
        scale = largest_scale(each.width, each.height)
        assert scale_size(scale) == (each.width, each.height)


@pytest.mark.parametrize("text", ["", "2", "2GB", "-1GiB", "0GiB", "GiB", "1e3MiB", "0.0000001KiB"])
def test_amounts_of_memory_are_read_strictly(text):
    with pytest.raises(ConfigError, match="is not an amount; give a number with KiB"):
        parse_memory(text)


def test_too_small_a_largest_size_is_refused():
    with pytest.raises(ConfigError, match="begins with 256x144"):
        require_searchable(parse_resolution("255x255"))


@pytest.mark.slow
@pytest.mark.usefixtures("importable_code")
def test_a_real_child_is_stopped_at_what_it_may_add(tmp_path):
    largest, subjects = parse_resolution("256x144"), ("hungry", "plain")
    hungry, plain = measure(subjects, PROFILE, largest, tmp_path, device="cpu", command=FAKE_WORKER)
    assert (hungry.status, plain.status) == ("oom", "ok")
    assert hungry.reason == "256×144: added more than 256 MiB to its process"
    assert [probe["fits"] for probe in hungry.probes] == [0, 0]
    assert plain.largest_width == 256
    assert 0 < plain.peak_bytes <= 256 * MIB


@pytest.mark.usefixtures("in_process")
def test_a_run_measures_it_after_cost_and_resumes(tmp_path):
    profile = replace(PROFILE, subjects=("broken", "greedy"))
    request = Request(profile=profile, device="cpu", out=tmp_path / "run", command=FAKE_WORKER)
    kinds = [(r.kind, r.status) for r in read_records(run_benchmark(request))]
    assert kinds == [
        ("cost", "predicted"), ("cost", "predicted"), ("capacity", "error"), ("capacity", "oom"),
    ]  # fmt: skip
