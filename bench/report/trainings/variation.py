"""How much metric values vary between trainings: by seed, machine and training images."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from bench.analysis.trainings import Moved, find_trainings
from bench.records.identity import Machine
from bench.report.common.rows import QualityRow
from bench.report.common.section import Table
from bench.report.common.summary import METRIC_NAMES, Summary, headline_names
from bench.report.common.tables import ARROWS, machine_column, machine_numbers, optional
from bench.report.quality.by_image_pair import metric_by_image_pair

TABLE_NAMES: Mapping[Moved, str] = MappingProxyType(
    {"seed": "training-seeds", "on": "training-conditions"}
)
"""Names of the tables, by what differs between the trainings."""

TITLES: Mapping[Moved, str] = MappingProxyType(
    {
        "seed": "Variation between training seeds",
        "on": "Variation between training machines and training images",
    }
)

_ITSELF = "itself"
_ALONE = (
    "It appears in this table only: all other tables, plots and examples show `NAME`. Means are "
    "over the image pairs that all trainings have values for."
)
_NOTES: Mapping[Moved, str] = MappingProxyType(
    {
        "seed": (
            f"A subject `NAME-seedN` is `NAME` trained again with seed N. {_ALONE} *Range* is the "
            "largest minus the smallest mean; *Standard deviation* is over trainings (n − 1). A "
            "difference between two students that is no larger than this may be due to the seed."
        ),
        "on": (
            "A subject `NAME-on-WHAT` is `NAME` trained again with the same options on another "
            f"machine or on other images. {_ALONE} *Largest change* is the largest distance of a "
            "mean from that of `NAME`."
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingsRow:
    """One metric of several trainings of a subject with one transform.

    Attributes:
        means: Mean value by training: ``itself``, and ``seed N`` or ``on WHAT``.
        num_image_pairs: Number of image pairs of the means: those that all trainings have.
    """

    subject: str
    transform: str
    machine: Machine
    metric: str
    means: Mapping[str, float]
    num_image_pairs: int

    @property
    def range(self) -> float:
        """The largest minus the smallest mean."""
        return max(self.means.values()) - min(self.means.values())

    @property
    def deviation(self) -> float:
        """Standard deviation of the means over trainings, divided by n − 1."""
        return statistics.stdev(self.means.values())

    @property
    def largest_change(self) -> float | None:
        """The largest distance of a mean from that of the subject itself; None if it has none."""
        own = self.means.get(_ITSELF)
        return None if own is None else max(abs(mean - own) for mean in self.means.values())


def training_rows(summary: Summary, moved: Moved) -> list[TrainingsRow]:
    """Return a row for each metric of each subject that has further trainings of a kind."""
    rows = [*summary.quality, *summary.trainings]
    further = find_trainings(row.subject for row in rows)
    found = []
    for row in summary.quality:
        names = {
            f"{moved} {each.label}": name
            for name, each in further.items()
            if (each.subject, each.moved) == (row.subject, moved)
        }
        if names:
            trainings = {_ITSELF: row.subject, **{each: names[each] for each in _ordered(names)}}
            rows_of = [_row(summary, row, trainings, metric) for metric in METRIC_NAMES]
            found += [each for each in rows_of if each is not None]
    return found


def _row(
    summary: Summary, row: QualityRow, trainings: Mapping[str, str], metric: str
) -> TrainingsRow | None:
    """Compare the trainings of a subject; None if fewer than two share an image pair."""
    values = {
        title: metric_by_image_pair(summary, name, row.transform, row.machine, metric)
        for title, name in trainings.items()
    }
    evaluated = {title: by_pair for title, by_pair in values.items() if by_pair}
    common = set.intersection(*map(set, evaluated.values())) if evaluated else set()
    if len(evaluated) < 2 or not common:
        return None
    pairs = sorted(common, key=str)
    return TrainingsRow(
        subject=row.subject,
        transform=row.transform,
        machine=row.machine,
        metric=metric,
        means={
            title: statistics.fmean(by_pair[pair] for pair in pairs)
            for title, by_pair in evaluated.items()
        },
        num_image_pairs=len(pairs),
    )


def trainings_table(summary: Summary, moved: Moved) -> Table:
    """Return the table of one kind of further trainings; empty without such trainings.

    It shows the headline metrics; its raw numbers are of all metrics.
    """
    rows = training_rows(summary, moved)
    headline = headline_names([*summary.quality, *summary.trainings])
    titles = _ordered({title for row in rows for title in row.means} - {_ITSELF})
    cells = [
        {
            **machine_column(summary, row.machine),
            "Subject": row.subject,
            "Transform": row.transform,
            "Metric": ARROWS[row.metric],
            "Image pairs": str(row.num_image_pairs),
            "Original": _cell(row.means.get(_ITSELF)),
            **{title.capitalize(): _cell(row.means.get(title)) for title in titles},
            **_extent(row, moved),
        }
        for row in rows
        if row.metric in headline
    ]
    return Table(
        name=TABLE_NAMES[moved],
        cells=pd.DataFrame(cells),
        data=pd.DataFrame([line for row in rows for line in _numbers(row, moved)], dtype=object),
        note=_NOTES[moved],
    )


def _extent(row: TrainingsRow, moved: Moved) -> dict[str, str]:
    if moved == "on":
        return {"Largest change": _cell(row.largest_change)}
    return {"Range": _cell(row.range), "Standard deviation": f"{row.deviation:.4f}"}


def _cell(value: float | None) -> str:
    return optional(value, lambda number: f"{number:.3f}")


def _numbers(row: TrainingsRow, moved: Moved) -> list[dict[str, object]]:
    """Return a line for each training, as raw numbers."""
    extent: dict[str, object] = {"largest_change": row.largest_change}
    if moved == "seed":
        extent = {"range": row.range, "standard_deviation": row.deviation}
    return [
        {
            "subject": row.subject,
            "transform": row.transform,
            **machine_numbers(row.machine),
            "metric": row.metric,
            "num_image_pairs": row.num_image_pairs,
            "training": title,
            "mean": mean,
            **extent,
        }
        for title, mean in row.means.items()
    ]


def _ordered(titles: Iterable[str]) -> list[str]:
    """Sort titles: seeds by number, the rest alphabetically."""

    def place(title: str) -> tuple[int, str]:
        label = title.partition(" ")[2]
        return (int(label), "") if title.startswith("seed ") else (0, label)

    return sorted(titles, key=place)
