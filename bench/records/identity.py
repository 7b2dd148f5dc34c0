"""Which records are of one case, subject or machine, and what subjects are called. No torch."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from bench.records.schema import Record

Machine: TypeAlias = tuple[str, str, int]
"""The kind of a device, its name and a number of threads."""


def latest_records(records: Iterable[Record]) -> tuple[Record, ...]:
    """Keep one record for each repeat of a case: the last one in the file replaces earlier ones."""
    latest = {(record.case_hash, record.repeat): record for record in records}
    return tuple(latest.values())


def machine_of(record: Record) -> Machine:
    """Return the kind of device, its name and the number of threads of a record."""
    return record.case.device, record.case.device_name, record.case.threads


def is_outside(record: Record) -> bool:
    """Tell whether a record scores an output that was made elsewhere and read from a file."""
    return record.kind == "quality" and record.config.get("outputs") == "files"


def identify(record: Record) -> tuple[str, str]:
    """Return what tells a record's subject apart: its name and its hash."""
    return record.case.subject, record.case.subject_hash


def _identities(record: Record) -> list[tuple[str, str]]:
    """Return the subject of a record, and the second one of a pair."""
    other = (record.case.other or "", record.case.other_hash or "")
    return [identify(record), *([other] if record.case.other else [])]


def label_subjects(records: Sequence[Record]) -> dict[tuple[str, str], str]:
    """Name each subject by name and hash; two of one name get the start of their hash."""
    identities = list(dict.fromkeys(each for record in records for each in _identities(record)))
    names = [name for name, _ in identities]
    return {
        (name, digest): f"{name} ({digest[:6]})" if names.count(name) > 1 else name
        for name, digest in identities
    }
