"""Metric values of many outputs: the JSON list that commands write and the table they print."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tabulate import tabulate

from bench.analysis.stats import describe_intervals, mean_interval
from bench.quality.protocol import METRICS
from pcakd.utils.files import write_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Metric values of one subject on one image pair.

    Attributes:
        subject: The subject's name.
        pair: Name of the image pair (``"07"``).
        gram: Gram style distance from the style.
        ssim: Structural similarity to the content.
        lpips: Perceptual distance from the content.
        size: `bench.quality.protocol.describe_size` of the images; None is native size and is left
            out of files.
    """

    subject: str
    pair: str
    gram: float
    ssim: float
    lpips: float
    size: str | None = None


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a JSON list, whole or not at all, without rounding.

    Raises:
        OutputError: The file cannot be written.
    """
    write_text(path, render_rows(rows))


def render_rows(rows: Sequence[Row]) -> str:
    """Return rows as a JSON list, without rounding."""
    values = [{k: v for k, v in asdict(row).items() if v is not None} for row in rows]
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


def render_means(rows: Sequence[Row]) -> str:
    """Return a table of each subject's means over its image pairs, with 95 % intervals.

    The last line explains the intervals.
    """
    table = []
    for subject in dict.fromkeys(row.subject for row in rows):
        own = [row for row in rows if row.subject == subject]
        cells = [_cell([float(getattr(row, m.name)) for row in own], m.bounds) for m in METRICS]
        table.append([subject, len(own), *cells])
    headers = ["subject", "image pairs", *(f"{m.title} {m.arrow}" for m in METRICS)]
    text = tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True)
    return f"{text}\n[low, high]: {describe_intervals('mean', 'image pairs')}"


def _cell(values: Sequence[float], bounds: tuple[float, float]) -> str:
    """Format a mean and its interval; few values have no interval."""
    mean, low, high = mean_interval(values, bounds=bounds)
    return f"{mean:.3f}" if low is None else f"{mean:.3f} [{low:.3f}, {high:.3f}]"
