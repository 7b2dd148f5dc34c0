"""The overview: one line for each subject and transform."""

from collections.abc import Sequence

import pandas as pd

from bench.records.identity import Machine
from bench.report.common.formats import format_bytes
from bench.report.common.rows import CostRow
from bench.report.common.section import Table
from bench.report.common.subjects import is_reference
from bench.report.common.summary import BORROWED_COST, Summary, headline_names, joined_subject
from bench.report.common.tables import ARROWS, NONE, machine_column, optional
from bench.report.cost.tables import latency_cell, whole_number
from bench.report.quality.tables import mean_cell, trained_note

_SIZES = ("Parameters", "MACs per content pixel")


def overview_table(summary: Summary) -> Table:
    """Return size, latency at each resolution and metric values of each subject and transform.

    Figures with † are those of another subject (`borrowed_costs` names it).
    """
    further = {row.subject for row in summary.trainings}
    keys = dict.fromkeys(
        (row.subject, row.transform, row.machine)
        for row in summary.cost
        if row.subject not in further
    )
    keys |= dict.fromkeys((row.subject, row.transform, row.machine) for row in summary.quality)
    order = {name: place for place, name in enumerate(summary.subjects)}
    ordered = sorted(keys, key=lambda key: order[key[0]])
    latency = "Median latency in milliseconds by resolution. " if summary.cost else ""
    note = (
        f"{latency}Mean metric values over the image pairs. ↓ lower is better, ↑ higher is better, "
        f"≈ predicted and not run, — not part of this run.{_oom(summary)}{_reference(ordered)}"
        f"{trained_note(summary.quality, headline_names(summary.quality))}"
    )
    return Table(
        name="overview",
        cells=pd.DataFrame([_cells(summary, key) for key in ordered]),
        note="\n\n".join(filter(None, [note, borrowed_costs(summary)])),
    )


def _reference(keys: Sequence[tuple[str, str, Machine]]) -> str:
    """Say that the unchanged content is a reference, if it is a row."""
    names = [f"`{subject}`" for subject, *_ in keys if is_reference(subject)]
    return f" {', '.join(names)} is a reference and no method." if names else ""


def borrowed_costs(summary: Summary) -> str:
    """Name the subjects that are shown with the cost of another one; empty if there are none."""
    costs = {row.subject: joined_subject(summary, row) for row in summary.quality}
    pairs = [f"{subject} has that of {other}" for subject, other in costs.items() if other]
    return f"† cost of another subject: {', '.join(pairs)}; {BORROWED_COST}." if pairs else ""


def resolutions(summary: Summary) -> tuple[str, ...]:
    """Return the names of the resolutions of the cost rows, smallest first."""
    ordered = sorted(summary.cost, key=lambda row: row.pixels)
    return tuple(dict.fromkeys(row.resolution for row in ordered))


def _oom(summary: Summary) -> str:
    """Explain ``≈ OOM``, with the allowed memory if it is the same for all cases."""
    if not any(row.predicted_oom for row in summary.cost):
        return ""
    allowed = {format_bytes(row.allowed_bytes) for row in summary.cost if row.allowed_bytes}
    amount = f", {allowed.pop()}" if len(allowed) == 1 else ""
    margins = [row.oom_margin for row in summary.cost if row.near_oom]
    doubt = (
        f" ≈ OOM?: more by at most {100 * (max(margins) - 1):.0f} %, so it may fit if the "
        "prediction is wrong."
        if margins
        else ""
    )
    return f" ≈ OOM: predicted to need more memory than allowed{amount}.{doubt}"


def _cells(summary: Summary, key: tuple[str, str, Machine]) -> dict[str, str]:
    quality = [row for row in summary.quality if (row.subject, row.transform, row.machine) == key]
    other = next((joined_subject(summary, row) for row in quality), None)
    cells = {
        **machine_column(summary, key[2]),
        "Subject": key[0],
        "Transform": key[1],
        **_cost_cells(summary, (other or key[0], key[1], key[2])),
    }
    if other:
        costs = [name for name in cells if name.endswith(" ms") or name in _SIZES]
        cells |= {name: f"{cells[name]} †" for name in costs if cells[name] != NONE}
    for metric in headline_names(summary.quality):
        cells[ARROWS[metric]] = mean_cell(quality[0], metric) if quality else NONE
    return cells


def _cost_cells(summary: Summary, key: tuple[str, str, Machine]) -> dict[str, str]:
    """Return sizes, which do not depend on the transform, and latency by resolution."""
    if not summary.cost:
        return {}
    same = [row for row in summary.cost if row.subject == key[0]]
    params = next((row.num_params for row in same if row.num_params is not None), None)
    per_pixel = next((row.macs_per_pixel for row in same if row.macs_per_pixel is not None), None)
    cells = dict(
        zip(_SIZES, (optional(each, whole_number) for each in (params, per_pixel)), strict=True)
    )
    by_resolution: dict[str, CostRow] = {}
    for row in same:
        if (row.transform, row.machine) == key[1:]:
            by_resolution.setdefault(row.resolution, row)
    for resolution in resolutions(summary):
        found = by_resolution.get(resolution)
        cells[f"{resolution} ms"] = latency_cell(found, found.status) if found else NONE
    return cells
