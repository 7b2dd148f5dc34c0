"""Tables of documents, and the comparison of their cells with numbers of records."""

import re
from pathlib import Path

from bench.quality.protocol import METRICS

DOCS = Path(__file__).parents[2] / "docs"
TITLES = {metric.title.lower(): metric for metric in METRICS}


def read_tables(document, heading):
    """Return the tables of a section, each as its header and its rows of stripped cells."""
    text = (DOCS / document).read_text(encoding="utf-8")
    assert f"\n## {heading}\n" in text, f"{document} has no section {heading!r}"
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?:^\|.*\n)+", part, re.MULTILINE)
    split = [
        [
            [cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in table.splitlines()
        ]
        for table in found
    ]
    return [(header, rows) for header, _, *rows in split]


def metric_of(title):
    """Return the metric of a title, with or without its mark ‡."""
    return TITLES[title.removesuffix(" ‡").lower()]


def check_difference(cell, expected):
    """Compare a cell with a value and its interval, bold if and only if that excludes zero."""
    shown = [float(number) for number in re.findall(r"[+-][0-9.]+", cell)]
    digits = len(re.search(r"\.([0-9]+)", cell)[1])
    assert shown == [round(each, digits) for each in expected], (cell, expected)
    _, low, high = expected
    assert cell.startswith("**") == (low > 0 or high < 0)
