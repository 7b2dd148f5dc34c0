"""The tables of the paper's claims and of facts about the architectures."""

from dataclasses import asdict
from types import MappingProxyType

import pandas as pd

from bench.claims.check import check_claims
from bench.claims.facts import derive_facts
from bench.claims.published import TRANSFORM, VGG_STUDENT
from bench.claims.verdicts import RULES
from bench.report.common.section import Table
from bench.report.common.summary import Summary
from bench.report.common.tables import NONE

_INTRODUCTION = (
    "The claims of the paper (PCA-KD, Chiu and Gurari, CVPR 2022) and what was measured here. The "
    "paper measured on a GPU. Speed and metric values are those of the shipped students with "
    f"`{TRANSFORM}`; {VGG_STUDENT.stands_for}. Speed is judged at HD, the smallest of the paper's "
    "six sizes, and above. *DIR* is the run folder. The rules of the verdicts:"
)
_FACTS = (
    "Facts that follow from counts and are not claims. MACs are those of the content path; "
    "*counted* is the architecture that the authors distilled."
)
_WIDE = MappingProxyType(
    {"Claim": "p{38mm}", "Fact": "p{60mm}", "Remark": "p{62mm}", "From": "p{70mm}"}
)


def claims_table(summary: Summary) -> Table:
    """Return the claims, each with its published and its measured figure and a verdict."""
    rows = check_claims(summary.records)
    cells = [
        {
            "Claim": row.claim,
            "Published": row.published,
            "Measured": row.measured,
            "95 % interval": row.span,
            "Where": row.place,
            "Verdict": row.verdict,
            "Remark": row.remark or NONE,
        }
        for row in rows
    ]
    return Table(
        name="claims",
        cells=pd.DataFrame(cells),
        data=pd.DataFrame([asdict(row) for row in rows], dtype=object),
        note=f"{_INTRODUCTION}\n\n" + "\n".join(f"- {rule}" for rule in RULES),
        column_formats=_WIDE,
    )


def facts_table(summary: Summary) -> Table:
    """Return facts about the architectures that follow from counts."""
    facts = derive_facts(summary.records)
    cells = [{"Fact": each.fact, "Figure": each.figure, "From": each.source} for each in facts]
    return Table(
        name="facts",
        cells=pd.DataFrame(cells),
        data=pd.DataFrame([asdict(fact) for fact in facts], dtype=object),
        note=_FACTS,
        column_formats=_WIDE,
    )
