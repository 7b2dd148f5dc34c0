"""The tables of docs/distillation-notes.md are those of the committed records."""

import re
from pathlib import Path

import pytest

from bench.quality.protocol import METRICS
from bench.records.store import read_latest_records
from bench.report.common.summary import summarize
from bench.report.quality.differences import difference_rows

ROOT = Path(__file__).parents[4]
PAIRS = [
    (f"{ours}@2", other)
    for ours, theirs in (("vgg16", "authors_vgg19"), ("mobilenet_v1", "authors_mobilenet_v1"))
    for other in (theirs, "mkl")
]
TITLES = {metric.title.lower(): metric for metric in METRICS}


def read_tables():
    text = (ROOT / "docs" / "distillation-notes.md").read_text(encoding="utf-8")
    part = text.partition("## On unseen image pairs")[2].partition("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", part, re.MULTILINE)
    return dict(zip(("dpst", "students"), tables, strict=True))


@pytest.mark.parametrize("folder", ["dpst", "students"])
def test_differences_are_those_of_the_records(folder):
    rows = difference_rows(summarize(read_latest_records(ROOT / "reports" / folder)))
    found = {(row.subject, row.other): row.differences for row in rows}
    lines = read_tables()[folder].splitlines()[2:]
    assert len(lines) == 10
    for line in lines:
        title, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        metric = TITLES[title.removesuffix(" ‡").lower()]
        for cell, pair in zip(cells, PAIRS, strict=True):
            order = 1 if pair in found else -1
            difference = found[pair[::order]][metric.name]
            sign = order if metric.higher_is_better else -order
            low, high = sorted(sign * end for end in difference.ends)
            shown = [float(number) for number in re.findall(r"[+-][0-9.]+", cell)]
            digits = len(re.search(r"\.([0-9]+)", cell)[1])
            assert shown == [round(each, digits) for each in (sign * difference.value, low, high)]
            assert cell.startswith("**") == (low > 0 or high < 0)
