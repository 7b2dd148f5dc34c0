"""How far scores move by the seed of a training alone: a table over the trainings of a subject."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bench.identity import Machine
from bench.report.pairwise import scores_by_pair
from bench.report.rows import QualityRow
from bench.report.summary import METRIC_NAMES, Summary
from bench.report.tables import ARROWS, machine_column, to_markdown
from bench.trainings import find_trainings

_ITSELF = "itself"
_NONE = "—"
_NOTE = (
    "A subject `NAME-seedN` is `NAME` trained once more, by another seed. It stands in this table "
    "alone: all other tables of scores, the plots and the examples show `NAME` itself. Means are "
    "over the pairs that all trainings have a score of. *Spread* is the greatest mean less the "
    "least, *deviation* the standard deviation over trainings (n − 1). A difference between two "
    "students that is no larger may be the seed's."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRow:
    """One score of all trainings of a subject with one transform.

    Attributes:
        means: Mean score by training: ``itself`` and ``seed N``.
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


def seed_rows(summary: Summary) -> list[SeedRow]:
    """Return a row for each score of each subject that was trained by several seeds."""
    rows = [*summary.quality, *summary.trainings]
    further = find_trainings(row.subject for row in rows)
    found = []
    for row in summary.quality:
        seeds = sorted((seed, name) for name, (own, seed) in further.items() if own == row.subject)
        trainings = {_ITSELF: row.subject} | {f"seed {seed}": name for seed, name in seeds}
        if seeds:
            rows_of = [_seed_row(summary, row, trainings, metric) for metric in METRIC_NAMES]
            found += [each for each in rows_of if each is not None]
    return found


def _seed_row(
    summary: Summary, row: QualityRow, trainings: Mapping[str, str], metric: str
) -> SeedRow | None:
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
    return SeedRow(
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


def seeds_table(summary: Summary) -> pd.DataFrame:
    """Return the table as text cells; a training that is missing has no mean."""
    rows = seed_rows(summary)
    return pd.DataFrame(
        [
            {
                **machine_column(summary, row.machine),
                "Subject": row.subject,
                "Transform": row.transform,
                "Score": ARROWS[row.metric],
                "Pairs": str(row.num_pairs),
                **{
                    title.capitalize(): f"{row.means[title]:.3f}" if title in row.means else _NONE
                    for title in _titles(rows)
                },
                "Spread": f"{row.spread:.3f}",
                "Deviation": f"{row.deviation:.4f}",
            }
            for row in rows
        ]
    )


def seeds_data(summary: Summary) -> pd.DataFrame:
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
            "spread": row.spread,
            "standard_deviation": row.deviation,
        }
        for row in seed_rows(summary)
        for title, mean in row.means.items()
    ]
    return pd.DataFrame(lines, dtype=object)


def seeds_section(summary: Summary) -> str:
    """Write the section; nothing where no subject was trained more than once."""
    if not seed_rows(summary):
        return ""
    title = "## How far scores move by the seed alone"
    return f"{title}\n\n{_NOTE}\n\n{to_markdown(seeds_table(summary))}"


def _titles(rows: list[SeedRow]) -> list[str]:
    """Return the titles of all trainings, by their seeds."""
    titles = {title for row in rows for title in row.means} - {_ITSELF}
    return [_ITSELF, *sorted(titles, key=lambda title: int(title.split()[1]))]
