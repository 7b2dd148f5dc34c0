"""The rows of the claims table and of the facts beside it."""

from dataclasses import dataclass
from typing import Literal

from bench.analysis.stats import MIN_SAMPLES
from bench.claims.verdicts import Finding, Verdict

Unit = Literal["parameters", "share", "ratio", "score", "bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """One claim: what was published, what was found, where, and the verdict.

    Attributes:
        claim: The claim in words.
        published: The published figure, as the paper gives it.
        measured: The figure that was found, as text; ``—`` where there is none.
        span: The ends of its interval, as text; ``exact`` for a count.
        place: Device and size that it was found on.
        verdict: See `bench.claims.verdicts.RULES`.
        remark: Why, and what a reader must know.
        unit: What ``value``, ``low`` and ``high`` are.
        value: The raw figure.
        low: Lower end of its interval.
        high: Upper end.
        count: Rounds or pairs that it comes from.
    """

    claim: str
    published: str
    measured: str = "—"
    span: str = "—"
    place: str = "—"
    verdict: Verdict
    remark: str = ""
    unit: Unit
    value: float | None = None
    low: float | None = None
    high: float | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What follows from counts and is no claim: its figure as text and raw, and its source."""

    fact: str
    figure: str = "—"
    source: str
    value: float | None = None


def missing_row(claim: str, published: str, unit: Unit, finding: Finding) -> ClaimRow:
    """Return the row of a claim that nothing was found of."""
    return ClaimRow(
        claim=claim, published=published, verdict=finding.verdict, remark=finding.remark, unit=unit
    )


def write_span(ends: str, count: int) -> str:
    """Write the ends of an interval; few samples have a range in its place, and one has none.

    >>> write_span("1.9 to 2.1", 6), write_span("1.9 to 2.1", 3), write_span("2.0 to 2.0", 1)
    ('1.9 to 2.1', '1.9 to 2.1 (min to max)', '—')
    """
    if count < 2:
        return "—"
    return ends if count >= MIN_SAMPLES else f"{ends} (min to max)"


def join_remarks(*remarks: str) -> str:
    """Put remarks into one, leaving out empty ones."""
    return "; ".join(remark for remark in remarks if remark)


def no_record(command: str) -> Finding:
    """Return the finding for a claim without a record, with the command that makes one."""
    return Finding(verdict="not comparable", remark=f"no record: run `python -m {command}`")


def cost_command(subject: str, resolution: str) -> str:
    """Return the command that adds the cost of a subject at one resolution to a run folder."""
    return (
        f"bench run --only cost --subjects {subject} --resolutions {resolution} --resume --out DIR"
    )


def quality_command(subject: str) -> str:
    """Return the command that adds the scores of a subject to a run folder, as it was scored."""
    options = "--profile P --pairs PAIRS --only quality --resume --out DIR"
    return f"bench run --subjects {subject} {options}"
