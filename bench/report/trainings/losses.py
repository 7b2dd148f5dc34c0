"""The losses of a training, read from the CSV file that the training wrote."""

import csv
import io
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pcakd.errors import ConfigError

TOTAL = "loss"
"""The column of the minimised loss; the other columns are its terms."""

_PLACES = ("block", "attempt", "phase", "step", "global_step", "rate")
_MOST_POINTS = 200

Series = tuple[tuple[float, float], ...]
"""Steps and values, in the order of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at a block within a phase.

    Attributes:
        block: As the file names it; may be empty.
        number: Number of the attempt at the block, from 1.
        restarted: Whether a later attempt at the block replaced it.
        series: The losses by column, the total first.
    """

    block: str
    number: int
    restarted: bool
    series: Mapping[str, Series]

    @property
    def last_step(self) -> float:
        """The last step in the file."""
        return max((step for line in self.series.values() for step, _ in line), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A phase of a training, with its attempts at each block in the order of the file."""

    name: str
    attempts: tuple[Attempt, ...]

    @property
    def terms(self) -> tuple[str, ...]:
        """The columns with numbers, the total first."""
        return tuple(dict.fromkeys(name for each in self.attempts for name in each.series))

    @property
    def values(self) -> tuple[float, ...]:
        """All losses of the phase."""
        lines = [line for each in self.attempts for line in each.series.values()]
        return tuple(value for line in lines for _, value in line)

    @property
    def is_positive(self) -> bool:
        """Whether all losses are positive."""
        return all(value > 0 for value in self.values)


def read_losses(path: Path) -> tuple[Phase, ...]:
    """Read the phases of a training, in the order in which they occur.

    All columns but block, attempt, phase, step, global_step and rate are losses, if they hold
    numbers. Incomplete rows (of a killed training) are skipped.

    Raises:
        ConfigError: The file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace").replace("\0", "")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}; remove it") from error
    rows = [row for row in csv.DictReader(io.StringIO(text)) if _is_whole(row)]
    latest: dict[str, str] = {}
    tried: dict[str, list[str]] = {}
    for row in rows:
        block, attempt = row.get("block", ""), row.get("attempt", "")
        latest[block] = attempt
        if attempt not in tried.setdefault(block, []):
            tried[block].append(attempt)
    phases: dict[str, dict[tuple[str, str], list[dict[str, str]]]] = {}
    for row in rows:
        key = row.get("block", ""), row.get("attempt", "")
        phases.setdefault(row["phase"], {}).setdefault(key, []).append(row)
    return tuple(
        Phase(
            name=name,
            attempts=tuple(
                Attempt(
                    block=block,
                    number=tried[block].index(attempt) + 1,
                    restarted=latest[block] != attempt,
                    series=_series(group),
                )
                for (block, attempt), group in groups.items()
            ),
        )
        for name, groups in phases.items()
    )


def thin_out(line: Series, most: int = _MOST_POINTS) -> Series:
    """Average neighbouring points, so that at most ``most`` are left.

    >>> thin_out(((1, 2.0), (2, 4.0), (3, 6.0)), most=2)
    ((1.5, 3.0), (3.0, 6.0))
    """
    size = math.ceil(len(line) / most)
    if size <= 1:
        return line
    groups = [line[start : start + size] for start in range(0, len(line), size)]
    return tuple(
        (statistics.fmean(x for x, _ in group), statistics.fmean(y for _, y in group))
        for group in groups
    )


def _is_whole(row: dict[str, str]) -> bool:
    whole = None not in row and None not in row.values()
    return whole and bool(row.get("phase")) and _number(row.get("step", "")) is not None


def _series(rows: Sequence[dict[str, str]]) -> dict[str, Series]:
    columns = [name for name in rows[0] if name not in _PLACES]
    columns.sort(key=lambda name: name != TOTAL)
    series = {
        name: tuple(
            (float(row["step"]), value) for row in rows if (value := _number(row[name])) is not None
        )
        for name in columns
    }
    return {name: line for name, line in series.items() if line}


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
