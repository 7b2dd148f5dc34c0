"""Records of one run, written as soon as they are measured. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.plan.cases import PlannedCase
from bench.records.schema import FILTER_SEPARATOR, NO_FILTER, WITH_FILTER, Case, Record, hash_case
from bench.records.store import append_record, read_records, records_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Writes the records of one run.

    Attributes:
        folder: The run folder.
        environment: Goes into every record.
        commit: Commit of the code, or None.
        dirty: Whether the code differed from it.
        known: Records that the folder held before and that are not measured again, by case hash
            and repeat.
    """

    folder: Path
    environment: Mapping[str, Any]
    commit: str | None = None
    dirty: bool | None = None
    known: Mapping[tuple[str, int], Record] = field(default_factory=dict)

    def find(self, planned: PlannedCase) -> Record | None:
        """Return the record of a case that need not be measured again."""
        return self.known.get((hash_case(planned.case), planned.repeat))

    def write(self, planned: PlannedCase, **fields: Any) -> Record:
        """Append the record of a case; ``fields`` are those of `bench.records.schema.Record`."""
        record = create_record(
            planned.case,
            repeat=planned.repeat,
            config=planned.settings.as_config(),
            environment=dict(self.environment),
            commit=self.commit,
            dirty=self.dirty,
            **fields,
        )
        append_record(self.folder, record)
        return record


def create_record(case: Case, **fields: Any) -> Record:
    """Return the record of a case, created now; ``fields`` are those of `Record`.

    Protocols say so where a filter is a part of a subject.
    """
    subjects = [each for each in (case.subject, case.other) if each and FILTER_SEPARATOR in each]
    if subjects:
        names = dict.fromkeys(each.rpartition(FILTER_SEPARATOR)[2] for each in subjects)
        text = WITH_FILTER.format(" and ".join(names))
        texts = fields.get("protocol") or {}
        fields["protocol"] = {key: each.replace(NO_FILTER, text) for key, each in texts.items()}
    return Record(
        kind=case.kind,
        case=case,
        case_hash=hash_case(case),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        **fields,
    )


def known_records(folder: Path) -> dict[tuple[str, int], Record]:
    """Return the records of a folder that a resumed run keeps, by case hash and repeat.

    Errors are measured again, and predictions are made again from all records of the run.
    """
    if not records_path(folder).exists():
        return {}
    again = ("error", "predicted")
    latest = {(record.case_hash, record.repeat): record for record in read_records(folder)}
    return {key: record for key, record in latest.items() if record.status not in again}
