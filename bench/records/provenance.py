"""Which code and which machine made a record. No torch.

Results of other code, another torch or another machine belong into another folder, or are named.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bench.records.schema import Record
from pcakd.errors import ConfigError

EDITS = "edits"
"""Key of an environment: SHA-256 of the uncommitted changes, where there are some."""

VERSION = "version"
"""Key of an environment: the version of this project."""

HUGE_PAGES = "huge_pages"
"""Key of an environment: whether large tensors had huge pages; older records lack it, and had none
where the kernel gives them on request."""

_MACHINE = ("device", "device_name", "cpu", "threads")
_SHOWN = 12  # digits of a commit


class Provenance(NamedTuple):
    """Code and machine of a record.

    Attributes:
        code: The commit, with its uncommitted changes; without a commit the version.
        torch: Release of torch.
        machine: Device, processor and number of threads.
    """

    code: str
    torch: str
    machine: str


def describe_provenance(
    commit: str | None, dirty: bool | None, environment: Mapping[str, Any]
) -> Provenance:
    """Return code and machine in words.

    >>> describe_provenance("0123456789abcdef", True, {"torch": "2.9.0", "device": "cpu"})
    Provenance(code='0123456789ab with unknown changes', torch='2.9.0', machine='cpu')
    """
    if commit is None:
        code = f"no commit, version {environment.get(VERSION, 'unknown')}"
    else:
        code = commit[:_SHOWN]
    if dirty:
        edits = environment.get(EDITS)
        code += f" with changes {edits[:_SHOWN]}" if edits else " with unknown changes"
    known = {name: environment[name] for name in _MACHINE if environment.get(name) is not None}
    if quota := environment.get("cpu_quota"):
        known["cpu_quota"] = f"{quota:g} processors allowed"
    if "threads" in known:
        known["threads"] = f"{known['threads']} thread{'s' * (known['threads'] != 1)}"
    if environment.get(HUGE_PAGES):
        known[HUGE_PAGES] = "huge pages"
    return Provenance(
        code=code,
        torch=str(environment.get("torch", "unknown")),
        machine=", ".join(dict.fromkeys(str(value) for value in known.values())) or "unknown",
    )


def provenance_of(record: Record) -> Provenance:
    """Return code and machine of a record."""
    environment = {
        name: getattr(record.case, name) for name in ("device", "device_name", "threads")
    }
    return describe_provenance(record.commit, record.dirty, environment | record.environment)


def count_provenances(records: Iterable[Record]) -> dict[Provenance, int]:
    """Return how many records each code and machine made, in the order of the records."""
    counts: dict[Provenance, int] = {}
    for record in records:
        provenance = provenance_of(record)
        counts[provenance] = counts.get(provenance, 0) + 1
    return counts


def require_same_provenance(records: Iterable[Record], current: Provenance) -> None:
    """Check that records were made by the code and on the machine of this run.

    Raises:
        ConfigError: One was not; the message names the first difference.
    """
    for found in count_provenances(records):
        for name, words in (("code", "commit"), ("torch", "torch"), ("machine", "machine")):
            old, new = getattr(found, name), getattr(current, name)
            if old != new:
                raise ConfigError(
                    f"the folder holds results of another {words} ({old}; this is {new}); add "
                    "--mixed to keep them beside new ones, or name another folder"
                )
