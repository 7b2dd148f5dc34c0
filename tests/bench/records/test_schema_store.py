"""Records round-trip, and a damaged file is refused with its line."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.records.schema import Case, Record, decode_record, encode_record, hash_case
from bench.records.store import (
    RECORDS_NAME,
    append_record,
    read_latest_records,
    read_records,
    set_records_aside,
)
from pcakd.errors import ConfigError, OutputError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
COUNT = st.integers(min_value=0, max_value=2**62)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def maybe(strategy):
    return st.none() | strategy


CASES = st.builds(
    Case,
    kind=st.sampled_from(["cost", "quality", "curve"]),
    subject=TEXT,
    subject_hash=TEXT,
    resolution=maybe(TEXT),
    width=maybe(COUNT),
    height=maybe(COUNT),
    pair=maybe(TEXT),
    transform=TEXT,
    device=st.sampled_from(["cpu", "cuda", "mps"]),
    device_name=TEXT,
    threads=COUNT,
    strength=maybe(FINITE),
    regularizer=maybe(FINITE),
)


@st.composite
def records(draw):
    case = draw(CASES)
    return Record(
        kind=case.kind,
        case=case,
        case_hash=hash_case(case),
        repeat=draw(COUNT),
        environment=draw(st.dictionaries(TEXT, TEXT, max_size=3)),
        commit=draw(maybe(TEXT)),
        dirty=draw(maybe(st.booleans())),
        created=draw(TEXT),
        status=draw(st.sampled_from(["ok", "oom", "timeout", "error", "predicted", "untrained"])),
        macs_total=draw(maybe(COUNT)),
        macs_by_operator=draw(maybe(st.dictionaries(TEXT, COUNT, max_size=3))),
        latency_ns=draw(maybe(st.lists(COUNT, max_size=4))),
        gram=draw(maybe(FINITE)),
        ssim=draw(maybe(FINITE)),
        protocol=draw(maybe(st.dictionaries(TEXT, TEXT, max_size=2))),
    )


def make_record(**changes):
    case = Case(
        kind="cost",
        subject="a",
        subject_hash="0",
        transform="zca",
        device="cpu",
        device_name="x",
        threads=1,
    )
    record = Record(
        kind="cost", case=case, case_hash=hash_case(case), created="2026-01-01", status="ok"
    )
    return replace(record, **changes)


@given(records())
def test_line_round_trips(record):
    line = encode_record(record)
    assert "\n" not in line
    assert decode_record(line) == record


@settings(max_examples=20, deadline=None)
@given(st.lists(records(), max_size=4))
def test_store_round_trips(tmp_path_factory, many):
    folder = tmp_path_factory.mktemp("store")
    (folder / RECORDS_NAME).touch()
    for record in many:
        append_record(folder, record)
    assert read_records(folder) == many
    assert read_records(folder / RECORDS_NAME) == many


@pytest.mark.parametrize("kept", [0, 1, 40, -1])
def test_an_incomplete_last_line_is_left_out_then_removed(tmp_path, kept):
    first, second = make_record(), make_record(repeat=1)
    append_record(tmp_path, first)
    line = (encode_record(second) + "\n").encode()
    path = tmp_path / RECORDS_NAME
    path.write_bytes(path.read_bytes() + line[:kept])
    assert read_records(tmp_path) == [first]
    append_record(tmp_path, second)
    assert read_records(tmp_path) == [first, second]


def test_corrupt_line_is_named(tmp_path):
    append_record(tmp_path, make_record())
    with (tmp_path / RECORDS_NAME).open("ab") as stream:
        stream.write(b"{nonsense\n")
    with pytest.raises(ConfigError, match="line 2: invalid JSON"):
        read_records(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "schema_version: expected 1, got 2"),
        ({"surprise": 1}, "key 'surprise' is not known; remove it; remove the line or use"),
        ({"latency": [1]}, "key 'latency' is not known; did you mean 'latency_ns'"),
        ({"latency_ns": [1.5]}, r"key 'latency_ns\[0\]' must be a valid integer, got 1.5"),
        ({"status": "fine"}, "key 'status' must be 'ok', 'oom', .* got 'fine'"),
        ({"dirty": 1}, "key 'dirty' must be a valid boolean, got 1"),
        ({"gram": "0.5"}, "key 'gram' must be a valid number"),
        ({"case_hash": "0"}, "case_hash is not the hash"),
        ({"kind": "quality"}, "kind 'quality' differs from its case's 'cost'"),
        ({"case": {}}, "key 'case.kind' is missing"),
        ({"case": 3}, "key 'case' must be"),
    ],
)
def test_hostile_line_is_refused(changes, message):
    data = asdict(make_record()) | changes
    with pytest.raises(ConfigError, match=message):
        decode_record(json.dumps(data))


@pytest.mark.parametrize("line", [b"", b"[]", b"\xff\xfe{", b'{"gram": NaN}', b"[" * 100_000])
def test_non_records_are_refused(line):
    with pytest.raises(ConfigError):
        decode_record(line)


def test_non_finite_score_is_not_written(tmp_path):
    with pytest.raises(ConfigError, match="cannot write the record"):
        append_record(tmp_path, make_record(gram=float("nan")))
    assert not (tmp_path / RECORDS_NAME).exists()


def test_a_folder_without_records_has_none(tmp_path):
    assert read_latest_records(tmp_path / "none") == ()
    for record in (make_record(), make_record(reason="later"), make_record(repeat=1)):
        append_record(tmp_path, record)
    assert [record.reason for record in read_latest_records(tmp_path)] == ["later", None]


def test_missing_places_are_errors(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        read_records(tmp_path / "none")
    with pytest.raises(OutputError, match="cannot write"):
        append_record(tmp_path / "none", make_record())


def test_records_set_aside_are_still_there(tmp_path):
    assert set_records_aside(tmp_path) is None
    append_record(tmp_path, make_record())
    os.utime(tmp_path / RECORDS_NAME, (0, 0))
    (tmp_path / "examples" / "01").mkdir(parents=True)
    (tmp_path / "histories").mkdir()
    aside = set_records_aside(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        f"{name}.19700101T000000Z{suffix}"
        for name, suffix in [("examples", ""), ("histories", ""), ("records", ".jsonl")]
    ]
    assert (tmp_path / "examples.19700101T000000Z" / "01").is_dir()
    assert read_records(aside) == [make_record()]


def test_case_hash_sees_every_field():
    case = make_record().case
    assert hash_case(case) == hash_case(replace(case))
    assert hash_case(case) != hash_case(replace(case, threads=2))


def test_later_fields_change_a_hash_only_where_they_have_a_value():
    case = make_record().case
    known = "1000d68f"  # of the first records
    assert hash_case(case)[:8] == known
    assert hash_case(replace(case, strength=1.0)) != hash_case(case)
    assert hash_case(replace(case, regularizer=1.0)) != hash_case(replace(case, strength=1.0))


def test_record_of_an_old_version_still_reads():
    line = (Path(__file__).parent / "golden_record.jsonl").read_text()
    assert decode_record(line) == make_record(latency_ns=[3, 1], created="2026-01-01")
