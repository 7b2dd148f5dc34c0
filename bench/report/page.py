"""The README of a report: everything on one page that GitHub renders."""

from collections.abc import Iterable

from bench.records.schema import Record
from bench.report.breakdown import section as breakdown
from bench.report.claims import section as claims
from bench.report.common.formats import format_count_of
from bench.report.common.section import Section, SectionModule
from bench.report.common.summary import Summary
from bench.report.cost import section as cost
from bench.report.curves import section as curves
from bench.report.methods import section as methods
from bench.report.methods.notes import comparability_notes, count_threads
from bench.report.overview import section as overview
from bench.report.pareto import section as pareto
from bench.report.quality import section as quality
from bench.report.quality.counterparts import counterparts_note
from bench.report.trainings import section as trainings

SECTIONS: tuple[SectionModule, ...] = (
    overview,
    pareto,
    quality,
    curves,
    cost,
    breakdown,
    trainings,
    claims,
    methods,
)
"""The sections in the order of the page; a new section is a folder and a line here."""

_FILES = (
    "## Files\n\n"
    "`tables/` holds these tables as Markdown, as LaTeX (needs the package booktabs) and, with raw "
    "numbers, as CSV. `plots/` holds the plots as PNG and SVG.\n"
)


def make_sections(summary: Summary) -> list[Section]:
    """Return all sections in the order of the page.

    Raises:
        ConfigError: A file of losses cannot be read.
        ImageError: An example cannot be read.
    """
    return [module.make_section(summary) for module in SECTIONS]


def write_page(summary: Summary, sections: Iterable[Section]) -> str:
    """Return the page as Markdown."""
    texts = [_heading(summary), *(section.text for section in sections), _FILES]
    return "\n".join(text for text in texts if text)


def _heading(summary: Summary) -> str:
    names = " and ".join(dict.fromkeys(machine.device_name for machine in summary.machines))
    first = summary.machines[0]
    machine = f", measured on `{first.device}` with {count_threads(first)}"
    notes = "".join(f"\n> **Note.** {text}\n" for text in comparability_notes(summary))
    counterparts = counterparts_note(summary)
    return (
        f"# Benchmark report: {names}\n\n"
        f"{_contents(summary)}{machine if summary.comparable else ''}. "
        "`python -m bench report` generates this page from [`records.jsonl`](records.jsonl); every "
        f"figure can be traced to a line there.{' ' * bool(counterparts)}{counterparts}\n{notes}"
    )


def _contents(summary: Summary) -> str:
    """Count what the report contains."""
    further = len({row.subject for row in summary.trainings})
    predicted = sum(row.status == "predicted" for row in summary.cost)
    interleaved = len({r.case_hash for r in summary.records if r.kind == "pair"})
    image_pairs = len({_image_pair(r) for r in summary.records if _has_image_pair(r)})
    parts = [format_count_of(len(summary.subjects) - further, "subject")]
    if further:
        parts.append(format_count_of(further, "further training"))
    if summary.cost:
        cases = format_count_of(len(summary.cost), "cost case")
        parts.append(f"{cases} ({predicted} of them predicted)" if predicted else cases)
    if interleaved:
        parts.append(format_count_of(interleaved, "speed ratio"))
    if image_pairs:
        parts.append(format_count_of(image_pairs, "image pair"))
    return ", ".join(parts)


def _has_image_pair(record: Record) -> bool:
    return record.kind in ("quality", "curve") and record.status == "ok"


def _image_pair(record: Record) -> tuple[str | None, str | None]:
    return record.case.pair, record.case.pair_hash
