"""The table of the paper's claims and the facts beside it."""

from collections.abc import Mapping
from dataclasses import asdict

import pandas as pd

from bench.claims.check import check_claims, has_evidence
from bench.claims.facts import derive_facts
from bench.claims.published import TRANSFORM, VGG_STUDENT
from bench.claims.verdicts import RULES
from bench.report.common.data import to_csv
from bench.report.common.summary import Summary
from bench.report.common.tables import to_latex, to_markdown

_INTRODUCTION = (
    "What the paper claims (PCA-KD, Chiu and Gurari, CVPR 2022), and what was found here. The "
    "paper measured on a GPU. Speed and scores are those of the shipped students with "
    f"`{TRANSFORM}`; {VGG_STUDENT.stands_for}. Speed is judged at HD, the smallest of the paper's "
    "six sizes, and above. *DIR* is the run folder. The rules of the verdicts:"
)
_FACTS = (
    "Facts that follow from counts and are no claims. MACs are those of the content path; "
    "*counted* is the architecture that the authors distilled."
)
_WIDE = {"Claim": "p{38mm}", "Fact": "p{60mm}", "Remark": "p{62mm}", "From": "p{70mm}"}


def claims_section(summary: Summary) -> str:
    """Write the section of the page; empty where the records compare nothing."""
    if not has_evidence(summary.records):
        return ""
    return (
        f"## Claims of the paper\n\n{_caption()}\n{to_markdown(claims_table(summary))}\n"
        f"{_FACTS}\n\n{to_markdown(facts_table(summary))}"
    )


def claims_files(summary: Summary) -> Mapping[str, str]:
    """Return the files of both tables by name: Markdown, LaTeX and CSV."""
    claims, facts = claims_table(summary), facts_table(summary)
    return {
        "claims.md": f"{_caption()}\n{to_markdown(claims)}",
        "claims.tex": _comment(_caption()) + _latex(claims),
        "claims.csv": to_csv(claims_data(summary)),
        "facts.md": f"{_FACTS}\n\n{to_markdown(facts)}",
        "facts.tex": _comment(_FACTS) + _latex(facts),
        "facts.csv": to_csv(facts_data(summary)),
    }


def claims_table(summary: Summary) -> pd.DataFrame:
    """Return the claims as text cells."""
    return pd.DataFrame(
        [
            {
                "Claim": row.claim,
                "Published": row.published,
                "Measured": row.measured,
                "95 % interval": row.span,
                "Where": row.place,
                "Verdict": row.verdict,
                "Remark": row.remark or "—",
            }
            for row in check_claims(summary.records)
        ]
    )


def facts_table(summary: Summary) -> pd.DataFrame:
    """Return the facts as text cells."""
    return pd.DataFrame(
        [
            {"Fact": fact.fact, "Figure": fact.figure, "From": fact.source}
            for fact in derive_facts(summary.records)
        ]
    )


def claims_data(summary: Summary) -> pd.DataFrame:
    """Return the claims with raw numbers."""
    return pd.DataFrame([asdict(row) for row in check_claims(summary.records)], dtype=object)


def facts_data(summary: Summary) -> pd.DataFrame:
    """Return the facts with raw numbers."""
    return pd.DataFrame([asdict(fact) for fact in derive_facts(summary.records)], dtype=object)


def _caption() -> str:
    return f"{_INTRODUCTION}\n\n" + "".join(f"- {rule}\n" for rule in RULES)


def _latex(table: pd.DataFrame) -> str:
    return to_latex(table.map(lambda cell: str(cell).replace("`", "")), formats=_WIDE)


def _comment(text: str) -> str:
    return "".join(f"% {line}\n" for line in text.splitlines() if line)
