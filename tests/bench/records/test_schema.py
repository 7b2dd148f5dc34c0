"""Lines of records: round trips, refused lines, hashes of cases."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from random_records import make_record, records

from bench.records.schema import decode_record, encode_record, hash_case
from pcakd.errors import ConfigError


@given(records())
def test_line_round_trips(record):
    line = encode_record(record)
    assert "\n" not in line
    assert decode_record(line) == record


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
