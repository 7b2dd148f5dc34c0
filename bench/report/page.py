"""The README of a report: everything on one page that GitHub renders."""

from collections.abc import Sequence

from bench.analysis.stats import describe_intervals
from bench.report.breakdown.section import stages_section
from bench.report.claims.tables import claims_section
from bench.report.common.formats import format_bytes
from bench.report.common.rows import OOM_MARGIN
from bench.report.common.summary import Summary
from bench.report.common.tables import (
    cost_table,
    overview_note,
    overview_table,
    quality_table,
    to_markdown,
)
from bench.report.cost.largest_image import capacity_section
from bench.report.cost.prediction import prediction_section
from bench.report.cost.repeatability import repeatability_note
from bench.report.cost.speed_ratios import paired_section
from bench.report.curves.rows import curve_rows
from bench.report.curves.tables import curves_section
from bench.report.gallery import PLOT_NAMES, Plot
from bench.report.methods import count_threads, methods_section, warnings
from bench.report.quality.differences import differences_section
from bench.report.trainings.histories_plot import histories_section
from bench.report.trainings.variation import trainings_sections

EXAMPLES_NAME = "examples.jpg"


def write_page(summary: Summary, plots: Sequence[Plot], *, has_examples: bool) -> str:
    """Compose the page.

    Args:
        summary: The rows of the report.
        plots: The plots beside the page, under ``plots/``.
        has_examples: Whether there is a sheet of examples.
    """
    sections = [_heading(summary), _overview(summary)]
    sections += [_plot(plot) for plot in plots if plot.name in PLOT_NAMES]
    if has_examples:
        sections.append(_examples(summary))
    sections += [_quality(summary), differences_section(summary), trainings_sections(summary)]
    sections.append(curves_section(summary, plots))
    sections += [_cost(summary), prediction_section(summary)]
    sections.append(paired_section(summary))
    sections += [stages_section(summary, plots), capacity_section(summary)]
    sections += [claims_section(summary), histories_section(plots)]
    sections += [methods_section(summary), _files()]
    return "\n".join(section for section in sections if section)


def _heading(summary: Summary) -> str:
    names = " and ".join(dict.fromkeys(machine[1] for machine in summary.machines))
    first = summary.machines[0]
    machine = f" on `{first[0]}` with {count_threads(first)}" if summary.comparable else ""
    predicted = sum(row.status == "predicted" for row in summary.cost)
    further = len({row.subject for row in summary.trainings})
    counts = _count(len(summary.subjects) - further, "subject")
    counts += f" and {_count(further, 'further training')}" if further else ""
    counts += f", {_count(len(summary.cost), 'cost case')}"
    counts += f" ({predicted} of them predicted)" if predicted else ""
    paired = sum(each.kind == "pair" for each in summary.records)
    counts += f", {_count(paired, 'paired speed measurement')}" if paired else ""
    rows = [*summary.quality, *(row.quality for row in curve_rows(summary))]
    pairs = max((row.num_pairs for row in rows), default=0)
    notes = "".join(f"\n> **Note.** {text}\n" for text in warnings(summary))
    return (
        f"# Benchmark report: {names}\n\n"
        f"{counts} and {_count(pairs, 'content-style pair')}, measured{machine}. "
        "This page is generated from "
        "[`records.jsonl`](records.jsonl) by `python -m bench report`; every figure can be traced "
        f"to a line there.\n{notes}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _overview(summary: Summary) -> str:
    if not summary.cost and not summary.quality:
        return ""
    notes = [overview_note(summary), repeatability_note(summary)]
    return (
        "## Overview\n\n"
        "Median latency in milliseconds by resolution, mean scores over pairs; ↓ lower is better, "
        f"↑ higher is better, ≈ predicted and not run{_explain_oom(summary)}, — not part of this "
        "run.\n\n"
        f"{to_markdown(overview_table(summary))}" + "".join(f"\n{text}\n" for text in notes if text)
    )


def _explain_oom(summary: Summary) -> str:
    """Say what want of memory means, and how much a case may take where that is one amount."""
    if not any(row.predicted_oom for row in summary.cost):
        return ""
    allowed = {format_bytes(row.allowed_bytes) for row in summary.cost if row.allowed_bytes}
    amount = f", {allowed.pop()}" if len(allowed) == 1 else ""
    near = any(row.near_oom for row in summary.cost)
    margin = f"{100 * (OOM_MARGIN - 1):.0f} %"
    doubt = f"; ≈ OOM?: by at most {margin}, so that it may fit if the prediction is wrong"
    return f" (≈ OOM: it would need more memory than a case may take{amount}{doubt * near})"


def _plot(plot: Plot) -> str:
    return f"## {plot.title}\n\n![{plot.title}](plots/{plot.name}.png)\n\n{plot.caption}\n"


def _examples(summary: Summary) -> str:
    outside = any(row.outside for row in summary.quality)
    hidden = "; outputs made elsewhere are not shown" if outside else ""
    return (
        "## Examples\n\n"
        "The shipped pairs, stylized by each subject (students with ZCA, no guided "
        f"filter{hidden}); `bench/data/pairs/CREDITS.md` credits the photographers.\n\n"
        f"![Stylized examples]({EXAMPLES_NAME})\n"
    )


def _quality(summary: Summary) -> str:
    if not summary.quality:
        return ""
    return (
        "## Quality\n\n"
        f"Means over pairs with intervals, {_scale(summary)}. [low, high] is the "
        f"{describe_intervals('mean', 'pairs')}. {_outside(summary)}Gram compares the output with "
        "the style, SSIM and LPIPS compare it with the content; one without the others says "
        "little: the unchanged content has a perfect SSIM.\n\n"
        f"{to_markdown(quality_table(summary))}"
    )


def _outside(summary: Summary) -> str:
    """Say which subjects' outputs were made elsewhere, and how they were brought to size."""
    texts = []
    for row in summary.quality:
        if row.outside:
            count = f"{row.num_made_smaller} of {row.num_outside}"
            smaller = f" ({count} were of native size and made smaller with their pairs)"
            texts.append(f"`{row.subject}`{smaller if row.num_made_smaller else ''}")
    if not texts:
        return ""
    return f"Made elsewhere and read from image files, without any cost: {', '.join(texts)}. "


def _scale(summary: Summary) -> str:
    """Say at which size pairs were scored."""
    sides = {r.config.get("quality_max_side", 0) for r in summary.records if r.kind == "quality"}
    texts = [
        f"pairs scaled down to at most {side} pixels" if side else "pairs at native size"
        for side in sorted(sides)
    ]
    return " and ".join(texts)


def _cost(summary: Summary) -> str:
    if not summary.cost:
        return ""
    note = f"*Interval ms* is the {describe_intervals('median', 'samples')}."
    return f"## Cost\n\n{note}\n\n{to_markdown(cost_table(summary))}"


def _files() -> str:
    return (
        "## Files\n\n"
        "`tables/` holds these tables as Markdown, as LaTeX (needs the package booktabs) and, with "
        "raw numbers, as CSV; `plots/` holds every plot as PNG and SVG.\n"
    )
