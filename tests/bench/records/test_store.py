"""Files of records: round trips, damaged lines, records set aside."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_records import make_record, records

from bench.records.schema import encode_record
from bench.records.store import (
    RECORDS_NAME,
    append_record,
    read_latest_records,
    read_records,
    require_run_folder,
    set_records_aside,
)
from pcakd.errors import ConfigError, OutputError


@settings(max_examples=20, deadline=None)
@given(st.lists(records(), max_size=4))
def test_store_round_trips(tmp_path_factory, many):
    folder = tmp_path_factory.mktemp("store")
    (folder / RECORDS_NAME).touch()
    for record in many:
        append_record(folder, record)
    assert read_records(folder) == many
    assert read_records(folder / RECORDS_NAME) == many


@pytest.mark.parametrize("kept", [0, 1, 40, -2])
def test_an_incomplete_last_line_is_left_out_then_removed(tmp_path, kept):
    first, second = make_record(), make_record(repeat=1)
    append_record(tmp_path, first)
    line = (encode_record(second) + "\n").encode()
    path = tmp_path / RECORDS_NAME
    path.write_bytes(path.read_bytes() + line[:kept])
    assert read_records(tmp_path) == [first]
    append_record(tmp_path, second)
    assert read_records(tmp_path) == [first, second]


def test_a_whole_last_line_without_its_line_end_counts(tmp_path):
    first, second, third = (make_record(repeat=number) for number in range(3))
    path = tmp_path / RECORDS_NAME
    for record in (first, second):
        append_record(tmp_path, record)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert read_records(tmp_path) == [first, second]
    append_record(tmp_path, third)
    assert read_records(tmp_path) == [first, second, third]


def test_corrupt_line_is_named(tmp_path):
    append_record(tmp_path, make_record())
    with (tmp_path / RECORDS_NAME).open("ab") as stream:
        stream.write(b"{nonsense\n")
    with pytest.raises(ConfigError, match="line 2: invalid JSON"):
        read_records(tmp_path)


def test_non_finite_score_is_not_written(tmp_path):
    with pytest.raises(ConfigError, match="cannot write the record"):
        append_record(tmp_path, make_record(gram=float("nan")))
    assert not (tmp_path / RECORDS_NAME).exists()


def test_a_folder_without_records_has_none(tmp_path):
    assert read_latest_records(tmp_path / "none") == ()
    for record in (make_record(), make_record(reason="later"), make_record(repeat=1)):
        append_record(tmp_path, record)
    assert [record.reason for record in read_latest_records(tmp_path)] == ["later", None]


@pytest.mark.parametrize("name", ["README.md", "examples.jpg", "tables", "histories"])
def test_a_folder_that_is_no_run_folder_is_not_written_into(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match=f"no run folder: .* would replace its {name}"):
        require_run_folder(tmp_path)
    (tmp_path / "records.20260101T000000Z.jsonl").touch()
    require_run_folder(tmp_path)


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
