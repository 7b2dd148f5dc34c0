"""Jobs that measure: sections of time, capacity."""

import json
import time

import pytest
from job_inputs import parse

from bench.filters.guided_reference import plain_guided_filter
from bench.profiling.traffic import count_filter
from bench.subjects import Prepared, Subject
from bench.worker.jobs import measure_breakdown, measure_capacity, measure_ratio
from pcakd.utils.sections import section


def transfer(content, style):
    with section("transform"):
        moved = content + style.mean()
    return moved.clamp(0, 1)


def parse_transfer(text):
    return Subject(
        name=text, transforms=("none",), precision="fp32", has_quality=True, hash="0", num_params=0,
        num_eigenbasis_params=0, build=lambda *_: Prepared(modules=(), run=transfer),
    )  # fmt: skip


def test_sections_are_timed_and_counted_and_the_filter_apart(tmp_path):
    job = {
        "device": "cpu", "subject": "shift", "transform": "none", "width": 320, "height": 200,
        "warmup": 1, "samples": 9, "sample_seconds": 1e-6, "memory_fraction": 0.9,
        "trace": str(tmp_path / "trace.json"),
    }  # fmt: skip
    messages = []
    measure_breakdown(job, messages.append, parse=parse_transfer)
    first, second = messages
    assert (first["type"], second["type"]) == ("breakdown", "filter")
    assert len(first["latency_ns"]) == 2
    assert set(first["sections"]) == {"transform", "other"}
    # the mean and the sum, read twice and once, one result; the rest clips
    numbers = 3 * 320 * 200
    transform = first["sections"]["transform"]
    assert transform["macs"] == 2 * numbers
    assert transform["bytes"] == 4 * (3 * numbers + 2)
    assert transform["latency_ns"] > 0
    assert first["sections"]["other"]["bytes"] == 4 * 2 * numbers
    assert second["latency_ns"] > 0
    assert first["machine_state"]["before"]["matmul_ns"] > 0
    assert {unit: second[unit] for unit in ("macs", "bytes")} == count_filter(
        plain_guided_filter, 200, 320
    )
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    names = {event["name"] for event in events if event.get("cat") == "user_annotation"}
    assert names >= {"transform", "filter"}


def test_a_filter_that_is_part_of_a_subject_is_one_of_its_sections():
    job = {
        "device": "cpu", "subject": "mkl|matting", "transform": "none", "width": 64, "height": 48,
        "warmup": 1, "samples": 2, "sample_seconds": 1e-6, "memory_fraction": 0.9, "trace": None,
    }  # fmt: skip
    messages = []
    measure_breakdown(job, messages.append)
    (only,) = messages
    assert only["type"] == "breakdown"
    assert only["sections"]["filter"]["latency_ns"] > 0
    assert only["sections"]["filter"]["opaque"] == 1


@pytest.mark.parametrize("swapped", [False, True])
def test_the_order_of_two_subjects_changes_and_their_names_do_not(swapped):
    order = []

    def parse_logged(text):
        def transfer(content, style):
            order.append(text)
            time.sleep(0.01 if text == "slow" else 0.0)
            return content

        def build(*_):
            order.append(f"prepare {text}")
            return Prepared(modules=(), run=transfer)

        return Subject(
            name=text, transforms=("none",), precision="fp32", has_quality=True, hash="0",
            num_params=0, num_eigenbasis_params=0, build=build,
        )  # fmt: skip

    job = {
        "device": "cpu", "subject": "slow", "subject_transform": "none", "other": "fast",
        "other_transform": "none", "width": 32, "height": 16, "warmup": 1, "rounds": 2,
        "memory_fraction": 0.9, "swapped": swapped, "beside": None,
    }  # fmt: skip
    messages = []
    measure_ratio(job, messages.append, parse=parse_logged)
    a, b = ("fast", "slow") if swapped else ("slow", "fast")
    assert order == [f"prepare {a}", f"prepare {b}", a, b, a, b, b, a]
    (message,) = messages
    assert set(message["machine_state"]) == {"before", "after", "change", "disturbed"}
    assert min(message["latency_ns"]) >= 10_000_000 > max(message["other_latency_ns"])


def test_capacity_sends_the_baseline_before_it_starts():
    job = {
        "device": "cpu", "subject": "plain", "width": 256, "height": 144, "transform": "zca",
        "memory_bytes": 2**20, "memory_fraction": 0.5,
    }  # fmt: skip
    messages = []
    seen = []

    def look(text):
        seen.append([message["type"] for message in messages])
        return parse(text)

    measure_capacity(job, messages.append, parse=look)
    assert seen == [[], ["baseline"]]
    first, last = messages
    assert first["baseline_bytes"] > 0
    assert last["type"] == "capacity"
    assert last["latency_ns"] > 0
    assert last["peak_bytes"] >= 0
