"""Which code and machine made a record, and what a folder may mix."""

from dataclasses import replace

import pytest
from random_records import make_record

from bench.records.provenance import (
    count_provenances,
    describe_provenance,
    provenance_of,
    require_same_provenance,
)
from pcakd.errors import ConfigError

ENVIRONMENT = {"torch": "2.9.0", "device": "cpu", "device_name": "Some CPU", "cpu": "Some CPU"}


@pytest.mark.parametrize(
    ("commit", "dirty", "environment", "code"),
    [
        ("a" * 40, False, {}, "a" * 12),
        ("a" * 40, None, {}, "a" * 12),
        ("a" * 40, True, {}, "a" * 12 + " with unknown changes"),
        ("a" * 40, True, {"edits": "b" * 64}, "a" * 12 + " with changes " + "b" * 12),
        (None, None, {}, "no commit, version unknown"),
        (None, None, {"version": "0.3.0"}, "no commit, version 0.3.0"),
    ],
)
def test_code_in_words(commit, dirty, environment, code):
    found = describe_provenance(commit, dirty, ENVIRONMENT | environment | {"threads": 1})
    assert found == (code, "2.9.0", "cpu, Some CPU, 1 thread")


def test_old_records_have_a_machine():
    record = make_record(environment={})
    case = record.case
    machine = provenance_of(record).machine
    assert machine.startswith(f"{case.device}, {case.device_name}, {case.threads} thread")
    assert provenance_of(record).torch == "unknown"


def test_records_are_counted_and_differences_refused():
    one = make_record(commit="a" * 40, dirty=False)
    other = replace(one, commit="b" * 40)
    counts = count_provenances([one, other, one])
    assert list(counts.values()) == [2, 1]
    require_same_provenance([one, one], provenance_of(one))
    require_same_provenance([], provenance_of(one))
    with pytest.raises(ConfigError, match=r"another commit \(b+; this is a+\); add --mixed"):
        require_same_provenance([one, other], provenance_of(one))
