"""The largest image of each subject within a given memory: rows, table and section."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from tabulate import tabulate

from bench.plan.resolutions import Resolution, list_resolutions
from bench.records.identity import Machine, identify, label_subjects, machine_of
from bench.records.schema import Record
from bench.report.common.formats import format_bytes, format_number
from bench.report.common.summary import Summary, summarize
from bench.report.common.tables import machine_label, to_markdown

_OOM = "OOM"
_ABSENT = "—"
_CAPTION = (
    "The largest 16:9 image (16 k × 9 k pixels for a whole k) that a subject stylizes within the "
    "memory, the style as large as the content; each size was tried in a process of its own. On a "
    "CPU memory is what a case adds to its process, on CUDA what torch's allocator holds, its "
    "cache included. **OOM** is a result: it ran out. *Ran out at* is the smallest size that was "
    "tried and did; where *Limited by* says memory, its side is at most 2 %, or one k, longer than "
    "that of the largest image. ≥ marks a lower bound, limited by something else. "
    "On a CPU the peak of one size differs from process to process, in a small memory by a larger "
    "share: a size has run out when it did so twice, and sizes near the limit may fall on either "
    "side. "
)
_INFERRED = (
    "The columns HD to 8K are **inferred** from these two sizes, unless one of them is the size "
    "itself: what is no larger than the largest image fits, what is no smaller than the one that "
    "ran out is OOM, and *not tried* is in between or beyond."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRow:
    """The largest image of one subject within one memory; sizes are width and height in pixels.

    Attributes:
        reason: Why the status is not ``ok``, or what makes the largest size a lower bound.
        too_large: The smallest size that was tried and ran out.
        peak_bytes: The peak at the largest size.
        probes: `bench.records.schema.Record.probes`.
    """

    subject: str
    transform: str
    machine: Machine
    memory_bytes: int
    status: str
    reason: str | None
    largest: tuple[int, int] | None
    too_large: tuple[int, int] | None
    peak_bytes: int | None
    probes: tuple[dict[str, int], ...]

    @property
    def limited_by(self) -> str:
        """What kept the largest image from being larger, in two or three words."""
        if self.status in ("ok", "oom"):
            return (self.reason or "memory").partition(":")[0] if self.largest else "memory"
        return self.status

    def verdict(self, resolution: Resolution) -> str:
        """Say whether an image of a resolution fits, as far as this row can tell."""
        if self.largest and _within((resolution.width, resolution.height), self.largest):
            return "fits"
        if self.too_large and _within(self.too_large, (resolution.width, resolution.height)):
            return _OOM
        return "not tried"

    def numbers(self) -> dict[str, object]:
        """Return the row as raw numbers with units in their names, for JSON."""
        width, height = self.largest or (None, None)
        oom_width, oom_height = self.too_large or (None, None)
        return {
            "subject": self.subject,
            "transform": self.transform,
            "device": self.machine[0],
            "device_name": self.machine[1],
            "threads": self.machine[2],
            "memory_bytes": self.memory_bytes,
            "status": self.status,
            "reason": self.reason,
            "limited_by": self.limited_by,
            "largest_width": width,
            "largest_height": height,
            "largest_pixels": width * height if width and height else None,
            "peak_bytes": self.peak_bytes,
            "oom_width": oom_width,
            "oom_height": oom_height,
            "probes": list(self.probes),
        }


def capacity_rows(summary: Summary) -> list[CapacityRow]:
    """Return a row for each subject, machine and memory, the last search of each."""
    names = label_subjects(summary.records)
    rows: dict[tuple[object, ...], CapacityRow] = {}
    for record in summary.records:
        if record.kind == "capacity":
            row = _row(names[identify(record)], record)
            rows[row.subject, row.transform, row.machine, row.memory_bytes] = row
    order = {name: place for place, name in enumerate(summary.subjects)}
    return sorted(rows.values(), key=lambda row: (row.memory_bytes, order[row.subject]))


def capacity_table(summary: Summary) -> pd.DataFrame:
    """Return the table as text cells; empty without records of the kind."""
    rows = capacity_rows(summary)
    several = len({row.memory_bytes for row in rows}) > 1
    return pd.DataFrame(
        [
            {
                **({} if summary.comparable else {"Machine": machine_label(summary, row.machine)}),
                **({"Memory": write_memory(row.memory_bytes)} if several else {}),
                **_cells(row),
            }
            for row in rows
        ]
    )


def capacity_data(summary: Summary) -> pd.DataFrame:
    """Return the rows as raw numbers, with the number of probes in place of the probes."""
    rows = [row.numbers() | {"probes": len(row.probes)} for row in capacity_rows(summary)]
    data = pd.DataFrame(rows, dtype=object)
    return data.rename(columns={"probes": "num_probes"})


def capacity_section(summary: Summary) -> str:
    """Write the section of the page; nothing without records of the kind."""
    rows = capacity_rows(summary)
    if not rows:
        return ""
    notes = "".join(
        f"- {row.subject}, {write_memory(row.memory_bytes)}: {' '.join(row.reason.split())}\n"
        for row in rows
        if row.reason
    )
    return (
        f"## {_title(rows)}\n\n{_CAPTION}{_describe_spread(rows)}{_INFERRED}\n\n"
        f"{to_markdown(capacity_table(summary))}" + (f"\n{notes}" if notes else "")
    )


def _describe_spread(rows: Sequence[CapacityRow]) -> str:
    """Say how far the peaks of sizes that were tried in two processes lie apart."""
    spreads = []
    for row in rows:
        peaks: dict[tuple[int, int], list[int]] = {}
        for probe in row.probes:
            if "peak_bytes" in probe:
                peaks.setdefault((probe["width"], probe["height"]), []).append(probe["peak_bytes"])
        spreads += [max(each) / min(each) - 1 for each in peaks.values() if len(each) > 1]
    if not spreads:
        return ""
    sizes = "size that was" if len(spreads) == 1 else "sizes that were"
    return (
        f"Of {len(spreads)} {sizes} tried twice and reported a peak both times, the two peaks "
        f"differ by up to {max(spreads):.0%}. "
    )


def console_text(records: Sequence[Record]) -> str:
    """Return title, table and legend as plain text.

    Raises:
        ConfigError: There are no records.
    """
    summary = summarize(records)
    table = capacity_table(summary)
    columns = [str(name) for name in table.columns]
    text = tabulate(table.to_numpy().tolist(), columns, tablefmt="simple", disable_numparse=True)
    legend = "HD to 8K are inferred from the largest image and the size that ran out; ≥ lower bound"
    rows = capacity_rows(summary)
    notes = [f"{row.subject}: {row.reason}" for row in rows if row.reason]
    return "\n".join([_title(rows), "", text, legend, *notes])


def write_memory(value: int) -> str:
    """Write a given amount of memory as short as it was given.

    >>> write_memory(2**31), write_memory(3 * 2**28)
    ('2 GiB', '768 MiB')
    """
    return f"{value / 2**30:g} GiB" if value >= 2**30 else f"{value / 2**20:g} MiB"


def _row(subject: str, record: Record) -> CapacityRow:
    probes = tuple(record.probes or ())
    fitted = {(each["width"], each["height"]) for each in probes if each.get("fits") == 1}
    ran_out = {(each["width"], each["height"]) for each in probes if each.get("fits") == 0}
    width, height = record.largest_width, record.largest_height
    return CapacityRow(
        subject=subject,
        transform=record.case.transform,
        machine=machine_of(record),
        memory_bytes=record.case.memory_bytes or 0,
        status=record.status,
        reason=record.reason,
        largest=(width, height) if width and height else None,
        too_large=min(ran_out - fitted, default=None),
        peak_bytes=record.peak_bytes,
        probes=probes,
    )


def _title(rows: Sequence[CapacityRow]) -> str:
    given = {row.memory_bytes for row in rows}
    amount = write_memory(given.pop()) if len(given) == 1 else "a given memory"
    return f"Largest image within {amount}"


def _cells(row: CapacityRow) -> dict[str, str]:
    failed = _OOM if row.status == "oom" else row.status
    bound = "" if row.limited_by == "memory" else "≥ "
    pixels = row.largest[0] * row.largest[1] if row.largest else 0
    return {
        "Subject": row.subject,
        "Transform": row.transform,
        "Largest image": f"{bound}{_size(row.largest)}" if row.largest else failed,
        "Megapixels": f"{bound}{format_number(pixels / 1e6)}" if row.largest else failed,
        "Peak there": _ABSENT if row.peak_bytes is None else format_bytes(row.peak_bytes),
        "Ran out at": _size(row.too_large) if row.too_large else _ABSENT,
        "Limited by": row.limited_by,
        "Probes": str(len(row.probes)),
        **{each.name: row.verdict(each) for each in list_resolutions()},
    }


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return inner[0] <= outer[0] and inner[1] <= outer[1]
