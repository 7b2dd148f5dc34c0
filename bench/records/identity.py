"""Which case, subject and machine a record belongs to, and how reports name subjects. No torch."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bench.records.schema import Device, Record


class Machine(NamedTuple):
    """Where a case computes: the kind of device, its name and the number of CPU threads."""

    device: Device
    device_name: str
    threads: int


def latest_records(records: Iterable[Record]) -> tuple[Record, ...]:
    """Keep the last record of each case and repeat; it replaces earlier ones."""
    latest = {(record.case_hash, record.repeat): record for record in records}
    return tuple(latest.values())


def machine_of(record: Record) -> Machine:
    """Return the machine that a case was measured on."""
    return Machine(record.case.device, record.case.device_name, record.case.threads)


def is_external(record: Record) -> bool:
    """Return whether a record scores an image that other software made and wrote into a file."""
    return record.kind == "quality" and record.config.get("outputs") == "files"


def is_disturbed(record: Record) -> bool:
    """Return whether the machine changed while the record was measured (`bench.machine.state`)."""
    return bool((record.machine_state or {}).get("disturbed"))


def identify(record: Record) -> tuple[str, str]:
    """Return the name and the hash of a record's subject."""
    return record.case.subject, record.case.subject_hash


def label_subjects(records: Sequence[Record]) -> dict[tuple[str, str], str]:
    """Map name and hash of each subject to a label; two of one name get the start of their hash."""
    identities = list(dict.fromkeys(each for record in records for each in _identities(record)))
    names = [name for name, _ in identities]
    return {
        (name, digest): f"{name} ({digest[:6]})" if names.count(name) > 1 else name
        for name, digest in identities
    }


def _identities(record: Record) -> list[tuple[str, str]]:
    """Return the subject of a record, and the second one of a speed ratio."""
    other = (record.case.other or "", record.case.other_hash or "")
    return [identify(record), *([other] if record.case.other else [])]
