"""Records of one run as they come: written at once, with what all of them share. No torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.plan.config import Profile, Settings
from bench.records.schema import Case, Record, hash_case
from bench.records.store import append_record, read_records, records_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Writes the records of one run.

    Attributes:
        folder: The run folder.
        profile: The resolved profile.
        environment: Goes into every record.
        commit: Commit of the code, or None.
        dirty: Whether the code differed from it.
        known: Records that the folder held before and that need no new measurement, by case hash.
    """

    folder: Path
    profile: Profile
    environment: Mapping[str, Any]
    commit: str | None = None
    dirty: bool | None = None
    known: Mapping[str, Record] = field(default_factory=dict)

    def find(self, case: Case) -> Record | None:
        """Return the record that the folder holds of a case, if it is to be kept."""
        return self.known.get(hash_case(case))

    def write(self, case: Case, **fields: Any) -> Record:
        """Append the record of a case; ``fields`` are those of `bench.records.schema.Record`."""
        record = create_record(
            case,
            config=self._config(case),
            environment=dict(self.environment),
            commit=self.commit,
            dirty=self.dirty,
            **fields,
        )
        append_record(self.folder, record)
        return record

    def _config(self, case: Case) -> dict[str, Any]:
        """Return the configuration as it was resolved for a case."""
        settings: Settings = self.profile.settings(case.subject, case.device)
        return {
            "profile": self.profile.name,
            **asdict(settings),
            "measured": list(settings.measured),
            "memory_fraction": self.profile.memory_fraction,
            "quality_max_side": self.profile.quality_max_side,
            "capacity_gib": self.profile.capacity_gib,
        }


def create_record(case: Case, **fields: Any) -> Record:
    """Return the record of a case as of now; ``fields`` are those of `Record`."""
    return Record(
        kind=case.kind,
        case=case,
        case_hash=hash_case(case),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        **fields,
    )


def known_records(folder: Path) -> dict[str, Record]:
    """Return the records of a folder that a resumed run keeps, by case hash.

    Errors are tried again, and predictions are made again from what is known by then.
    """
    if not records_path(folder).exists():
        return {}
    again = ("error", "predicted")
    latest = {record.case_hash: record for record in read_records(folder)}
    return {key: record for key, record in latest.items() if record.status not in again}
