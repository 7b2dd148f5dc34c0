"""How far scores move by the seed of a training, and by where and on what it was trained."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from bench.analysis.trainings import Moved, find_trainings
from bench.records.identity import Machine
from bench.report.common.rows import QualityRow
from bench.report.common.summary import METRIC_NAMES, Summary
from bench.report.common.tables import ARROWS, machine_column, to_markdown
from bench.report.quality.pairwise import scores_by_pair

TABLE_NAMES: Mapping[Moved, str] = MappingProxyType({"seed": "seeds", "on": "conditions"})
"""Of the tables, by what was another in the trainings that they compare."""

_ITSELF = "itself"
_NONE = "—"
_ALONE = (
    "It stands in this table alone: all other tables of scores, the plots and the examples show "
    "`NAME` itself. Means are over the pairs that all trainings have a score of."
)
_TITLES: Mapping[Moved, str] = MappingProxyType(
    {
        "seed": "How far scores move by the seed alone",
        "on": "How far scores move by the machine and the photographs",
    }
)
_NOTES: Mapping[Moved, str] = MappingProxyType(
    {
        "seed": (
            f"A subject `NAME-seedN` is `NAME` trained once more, by another seed. {_ALONE} "
            "*Spread* is the greatest mean less the least, *deviation* the standard deviation over "
            "trainings (n − 1). A difference between two students that is no larger may be the "
            "seed's."
        ),
        "on": (
            "A subject `NAME-on-WHAT` is `NAME` trained once more by the same options, on another "
            f"machine or on other photographs. {_ALONE} *Farthest* is how far a mean lies from "
            "that of `NAME` itself at most."
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingsRow:
    """One score of several trainings of a subject with one transform.

    Attributes:
        means: Mean score by training: ``itself``, and ``seed N`` or ``on WHAT``.
        num_pairs: Pairs that the means are over: those that all trainings have.
    """

    subject: str
    transform: str
    machine: Machine
    metric: str
    means: Mapping[str, float]
    num_pairs: int

    @property
    def spread(self) -> float:
        """The greatest mean less the least."""
        return max(self.means.values()) - min(self.means.values())

    @property
    def deviation(self) -> float:
        """Standard deviation of the means over trainings, divided by n − 1."""
        return statistics.stdev(self.means.values())

    @property
    def farthest(self) -> float | None:
        """How far a mean lies from that of the subject itself at most; None if that has none."""
        own = self.means.get(_ITSELF)
        return None if own is None else max(abs(mean - own) for mean in self.means.values())


def training_rows(summary: Summary, moved: Moved) -> list[TrainingsRow]:
    """Return a row for each score of each subject that has further trainings of a kind."""
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
    """Compare the trainings of a subject; None where fewer than two share a pair."""
    scores = {
        title: scores_by_pair(summary, name, row.transform, row.machine, metric)
        for title, name in trainings.items()
    }
    scored = {title: by_pair for title, by_pair in scores.items() if by_pair}
    common = set.intersection(*map(set, scored.values())) if scored else set()
    if len(scored) < 2 or not common:
        return None
    pairs = sorted(common, key=str)
    return TrainingsRow(
        subject=row.subject,
        transform=row.transform,
        machine=row.machine,
        metric=metric,
        means={
            title: statistics.fmean(by_pair[pair] for pair in pairs)
            for title, by_pair in scored.items()
        },
        num_pairs=len(pairs),
    )


def trainings_table(summary: Summary, moved: Moved) -> pd.DataFrame:
    """Return the table as text cells; a training that is missing has no mean."""
    rows = training_rows(summary, moved)
    titles = _ordered({title for row in rows for title in row.means} - {_ITSELF})
    return pd.DataFrame(
        [
            {
                **machine_column(summary, row.machine),
                "Subject": row.subject,
                "Transform": row.transform,
                "Score": ARROWS[row.metric],
                "Pairs": str(row.num_pairs),
                **{
                    title[0].upper() + title[1:]: _cell(row.means.get(title))
                    for title in (_ITSELF, *titles)
                },
                **_extent(row, moved),
            }
            for row in rows
        ]
    )


def _extent(row: TrainingsRow, moved: Moved) -> dict[str, str]:
    if moved == "on":
        return {"Farthest": _cell(row.farthest)}
    return {"Spread": _cell(row.spread), "Deviation": f"{row.deviation:.4f}"}


def _cell(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"


def trainings_data(summary: Summary, moved: Moved) -> pd.DataFrame:
    """Return a line for each training, as raw numbers."""
    lines = [
        {
            "subject": row.subject,
            "transform": row.transform,
            "device": row.machine[0],
            "device_name": row.machine[1],
            "threads": row.machine[2],
            "metric": row.metric,
            "num_pairs": row.num_pairs,
            "training": title,
            "mean": mean,
            **(
                {"farthest": row.farthest}
                if moved == "on"
                else {"spread": row.spread, "standard_deviation": row.deviation}
            ),
        }
        for row in training_rows(summary, moved)
        for title, mean in row.means.items()
    ]
    return pd.DataFrame(lines, dtype=object)


def trainings_sections(summary: Summary) -> str:
    """Write a section for each kind of further trainings that there are."""
    return "\n".join(
        f"## {_TITLES[moved]}\n\n{_NOTES[moved]}\n\n{to_markdown(trainings_table(summary, moved))}"
        for moved in TABLE_NAMES
        if training_rows(summary, moved)
    )


def _ordered(titles: Iterable[str]) -> list[str]:
    """Sort titles: seeds by their number, the rest by their letters."""

    def place(title: str) -> tuple[int, str]:
        label = title.partition(" ")[2]
        return (int(label), "") if title.startswith("seed ") else (0, label)

    return sorted(titles, key=place)
