"""The largest image of each subject within a given memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from tabulate import tabulate

from bench.records.identity import Machine, identify, label_subjects, machine_of
from bench.records.schema import Record
from bench.report.common.formats import format_bytes, format_count_of, format_number
from bench.report.common.section import Table
from bench.report.common.summary import Summary, summarize
from bench.report.common.tables import NONE, machine_column, machine_numbers, optional
from pcakd.utils.resolutions import Resolution, list_resolutions

_OOM = "OOM"
_CAPTION = """\
The largest 16:9 image that a subject stylizes within the given memory, with a style image of the
same size. Sizes are multiples of 16×9 pixels; each is tried in a separate process. On a CPU,
memory is what a case adds to its process; on CUDA, it is what torch's allocator reserves, cache
included.

- *Largest image*: ≥ marks a lower bound, because something else than memory was the limit.
- *Out of memory at*: the smallest size that ran out of memory. If *Limited by* is memory, its sides
  are at most 2 % or one step longer than those of the largest image.
- *Trials*: the number of processes that tried a size. On a CPU the peak of one size differs between
  processes, relatively more in a small memory. A size counts as out of memory after it failed
  twice, and sizes near the limit may fit in one run and fail in another.{spread}
- HD to 8K are **inferred** from these two sizes, unless that size was tried: a size up to the
  largest image fits, a size from *Out of memory at* on is OOM, any other size is *not tried*."""
_SPREAD = "\n  {sizes} reported a peak in two processes; the peaks differ by up to {spread:.0%}."


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRow:
    """The largest image of one subject within one memory; sizes are width and height in pixels.

    Attributes:
        reason: Why the status is not ``ok``, or why the largest size is a lower bound.
        too_large: The smallest size that was tried and ran out of memory.
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
        """What limited the size, in two or three words."""
        if self.status in ("ok", "oom"):
            return (self.reason or "memory").partition(":")[0] if self.largest else "memory"
        return self.status

    def verdict(self, resolution: Resolution) -> str:
        """Return ``fits``, ``OOM`` or ``not tried`` for a resolution."""
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
            **machine_numbers(self.machine),
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
    """Return a row for each subject, machine and memory, from the last search of each."""
    names = label_subjects(summary.records)
    rows: dict[tuple[object, ...], CapacityRow] = {}
    for record in summary.records:
        if record.kind == "capacity":
            row = _row(names[identify(record)], record)
            rows[row.subject, row.transform, row.machine, row.memory_bytes] = row
    order = {name: place for place, name in enumerate(summary.subjects)}
    return sorted(rows.values(), key=lambda row: (row.memory_bytes, order[row.subject]))


def largest_image_table(summary: Summary) -> Table:
    """Return the table; empty without records of the kind."""
    rows = capacity_rows(summary)
    several = len({row.memory_bytes for row in rows}) > 1
    cells = [
        {
            **machine_column(summary, row.machine),
            **({"Memory": write_memory(row.memory_bytes)} if several else {}),
            **_cells(row),
        }
        for row in rows
    ]
    numbers = [row.numbers() | {"probes": len(row.probes)} for row in rows]
    return Table(
        name="largest-image",
        cells=pd.DataFrame(cells),
        data=pd.DataFrame(numbers, dtype=object).rename(columns={"probes": "num_trials"}),
        note=_CAPTION.format(spread=_describe_spread(rows)),
    )


def largest_image_text(summary: Summary, table: Table) -> str:
    """Write the part of the page, with the reasons of failures below the table."""
    rows = capacity_rows(summary)
    reasons = "".join(
        f"- {row.subject}, {write_memory(row.memory_bytes)}: {' '.join(row.reason.split())}\n"
        for row in rows
        if row.reason
    )
    return f"## {_title(rows)}\n\n{table.markdown}" + (f"\n{reasons}" if reasons else "")


def _describe_spread(rows: Sequence[CapacityRow]) -> str:
    """Write how far the two peaks of sizes that were tried in two processes differ."""
    spreads = []
    for row in rows:
        peaks: dict[tuple[int, int], list[int]] = {}
        for probe in row.probes:
            if "peak_bytes" in probe:
                peaks.setdefault((probe["width"], probe["height"]), []).append(probe["peak_bytes"])
        spreads += [max(each) / min(each) - 1 for each in peaks.values() if len(each) > 1]
    if not spreads:
        return ""
    sizes = format_count_of(len(spreads), "size")
    return _SPREAD.format(sizes=sizes, spread=max(spreads))


def console_text(records: Sequence[Record]) -> str:
    """Return title, table and legend as plain text, for a command.

    Raises:
        ConfigError: There are no records.
    """
    summary = summarize(records)
    table = largest_image_table(summary).cells
    columns = [str(name) for name in table.columns]
    text = tabulate(table.to_numpy().tolist(), columns, tablefmt="simple", disable_numparse=True)
    legend = "HD to 8K: inferred from the largest image and the out-of-memory size; ≥ lower bound"
    rows = capacity_rows(summary)
    notes = [f"{row.subject}: {row.reason}" for row in rows if row.reason]
    return "\n".join([_title(rows), "", text, legend, *notes])


def write_memory(value: int) -> str:
    """Write an amount of memory with the shortest unit.

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
        "Peak memory": optional(row.peak_bytes, format_bytes),
        "Out of memory at": _size(row.too_large) if row.too_large else NONE,
        "Limited by": row.limited_by,
        "Trials": str(len(row.probes)),
        **{each.name: row.verdict(each) for each in list_resolutions()},
    }


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return inner[0] <= outer[0] and inner[1] <= outer[1]
