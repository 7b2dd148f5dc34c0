"""Rows of the tables of claims and facts."""

from dataclasses import dataclass
from typing import Literal

from bench.claims.verdicts import Finding, Verdict

Unit = Literal["parameters", "share", "ratio", "metric value", "bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """One claim: the published figure, the measured one, where it was measured, and the verdict.

    Attributes:
        claim: The claim.
        published: The published figure.
        measured: The measured figure as text; ``—`` if there is none.
        span: Its interval as text; ``exact`` for a count.
        place: Size and device.
        verdict: See `bench.claims.verdicts.RULES`.
        remark: The reason for the verdict, and limits of the comparison.
        unit: Unit of ``value``, ``low`` and ``high``.
        value: The measured figure.
        low: Lower end of its interval.
        high: Upper end.
        count: Number of rounds or image pairs.
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
    """A fact: its figure as text and as a number, and its source."""

    fact: str
    figure: str = "—"
    source: str
    value: float | None = None


def missing_row(claim: str, published: str, unit: Unit, finding: Finding) -> ClaimRow:
    """Return the row of a claim without a measurement."""
    return ClaimRow(
        claim=claim, published=published, verdict=finding.verdict, remark=finding.remark, unit=unit
    )


def join_remarks(*remarks: str) -> str:
    """Join remarks; empty ones are left out."""
    return "; ".join(remark for remark in remarks if remark)


def no_record(command: str) -> Finding:
    """Return the finding for a claim without a record; it names the command to run."""
    return Finding(verdict="not comparable", remark=f"no record: run `python -m {command}`")


def cost_command(subject: str, resolution: str) -> str:
    """Return the command that adds the cost of a subject at one resolution to a run folder."""
    return (
        f"bench run --only cost --subjects {subject} --resolutions {resolution} --resume --out DIR"
    )


def quality_command(subject: str) -> str:
    """Return the command that adds the metric values of a subject to a run folder."""
    options = "--profile P --pairs PAIRS --only quality --resume --out DIR"
    return f"bench run --subjects {subject} {options}"
