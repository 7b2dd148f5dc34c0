"""The results table of the README: ten subjects, made from the records of two committed reports.

Both reports are of one machine and one set of image pairs, so that all rows compare.
"""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from bench.quality.protocol import METRICS, Metric
from bench.records.schema import Record
from bench.records.store import read_records
from bench.report.common.formats import format_count_of
from bench.report.common.rows import QualityRow
from bench.report.common.subjects import DESCRIPTIONS
from bench.report.common.summary import Summary, headline_names, summarize
from bench.report.common.tables import ARROWS, NONE, to_markdown
from bench.report.methods.notes import count_threads
from bench.report.overview.tables import overview_table
from bench.report.quality.tables import mean_cell
from pcakd.errors import ConfigError
from pcakd.utils.files import write_text

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
REPORTS = ("cpu", "cpu-students")
"""Folders of the records under ``reports``."""

SUBJECTS = (
    "vgg16",
    "mobilenet_v1",
    "authors_vgg19",
    "authors_mobilenet_v1",
    "photowct2-vgg16",
    "photowct",
    "wct2-cat5",
    "reinhard",
    "mkl",
    "content",
)
"""The rows: shipped students, the authors' students, peers, colour transfers, the content image."""

RESOLUTIONS = ("HD", "4K")
WITNESSES = ("histogram_correlation",)
"""Metrics beside those of the overview: no student was trained on their formulas or relatives."""

_BORROWED = "photowct2"  # its cost is shown for photowct2-vgg16


def update_results_table(path: Path) -> None:
    """Replace the text between the two markers in a file by the results table.

    Args:
        path: A Markdown file beside the folder ``reports``.

    Raises:
        ConfigError: The file cannot be read or has no markers, or the records are unusable.
        OutputError: The file cannot be written.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}; name a Markdown file") from error
    head, begin, rest = text.partition(f"{BEGIN}\n")
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ConfigError(
            f"{path} has no line {BEGIN} with a line {END} below it; add both where the results "
            "table should stand"
        )
    write_text(path, f"{head}{begin}{results_table(path.parent / 'reports')}{end}{tail}")


def results_table(reports: Path) -> str:
    """Return the table and its caption as Markdown.

    Args:
        reports: The folder of the reports.

    Raises:
        ConfigError: Records are missing or damaged, or do not compare.
    """
    records = [each for name in REPORTS for each in read_records(reports / name)]
    summary = summarize([each for each in records if _is_shown(each)])
    _require_comparable(summary)
    overview = overview_table(summary).cells
    rows = {str(row["Subject"]): row for row in overview.to_dict("records")}
    quality = {row.subject: row for row in summary.quality}
    if missing := [name for name in SUBJECTS if name not in rows or name not in quality]:
        raise ConfigError(f"{reports} has no records of {', '.join(missing)}; run them first")
    metrics = _shown_metrics(summary.quality)
    cells = [_cells(name, rows[name], quality[name], metrics) for name in SUBJECTS]
    return f"{to_markdown(pd.DataFrame(cells))}\n{_caption(summary)}"


def _is_shown(record: Record) -> bool:
    case = record.case
    shown = case.subject in (*SUBJECTS, _BORROWED) and case.transform in ("zca", "none")
    return shown and record.kind in ("cost", "quality")


def _shown_metrics(rows: Sequence[QualityRow]) -> tuple[Metric, ...]:
    """Return the metrics of the overview and the witnesses that some row has, style first."""
    measured = {name for row in rows for name in row.metrics}
    names = [*headline_names(rows), *(name for name in WITNESSES if name in measured)]
    shown = sorted((m for m in METRICS if m.name in names), key=lambda m: names.index(m.name))
    return tuple(sorted(shown, key=lambda metric: metric.measures, reverse=True))


def _metric_title(metric: Metric) -> str:
    return f"{metric.measures.capitalize()}: {ARROWS[metric.name]}"


def _cells(
    name: str, row: Mapping[Hashable, str], quality: QualityRow, metrics: Sequence[Metric]
) -> dict[str, str]:
    columns = ("Parameters", *(f"{each} ms" for each in RESOLUTIONS))
    cells = {column: row[column] for column in columns}
    cells |= {_metric_title(each): mean_cell(quality, each.name) for each in metrics}
    shown = {title: NONE if cell == "untrained" else cell for title, cell in cells.items()}
    return {"Subject": f"`{name}`", "What it is": DESCRIPTIONS[name], **shown}


def _require_comparable(summary: Summary) -> None:
    """Check that all records are of one machine, the same image pairs and the same protocols."""
    pairs = _image_pairs(summary.records)
    if not summary.comparable or len(set(map(frozenset, pairs.values()))) != 1:
        raise ConfigError(
            f"the records of {' and '.join(REPORTS)} are of several machines or of different image "
            "pairs or protocols; run both on one machine with the same --pairs"
        )


def _image_pairs(records: Sequence[Record]) -> dict[str, set[tuple[object, ...]]]:
    """Return the image pairs and protocols of each subject that has metric values."""
    found: dict[str, set[tuple[object, ...]]] = {}
    for record in records:
        if record.kind == "quality" and record.status == "ok":
            protocols = sorted((record.protocol or {}).items())
            key = (record.case.pair_hash, *protocols)
            found.setdefault(record.case.subject, set()).add(key)
    return found


def _caption(summary: Summary) -> str:
    machine = summary.machines[0]
    (count,) = {row.num_image_pairs for row in summary.quality if row.metrics}
    pairs = format_count_of(count, "shipped image pair")
    return (
        f"Latency: median of one call on {machine.device_name} ({machine.device}, "
        f"{count_threads(machine)}, float32), with a style image as large as the content image. "
        f"Metrics: means over the {pairs} at native size; over 50 image pairs and with differences "
        "pair by pair, for students and `mkl`: [reports/students](reports/students/README.md). "
        "Networks use the transform `zca`. "
        "↓ lower is better, ↑ higher is better, ≈ predicted and not run, "
        f"{NONE} not trained here, so no metric values. † cost of `{_BORROWED}`, the published "
        "network with VGG-19; the metric values are of the same method with VGG-16. ‡ the student "
        "was trained on the formula of this metric or a close relative of it, and the models that "
        "are no students of ours were not, which favours it. Records: "
        "[reports/cpu](reports/cpu/README.md), "
        "[reports/cpu-students](reports/cpu-students/README.md).\n"
    )
