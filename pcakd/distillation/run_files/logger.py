"""What a run leaves for people: a CSV of losses, TensorBoard curves, contact sheets."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.distillation.schedule import Leg
from pcakd.errors import OutputError
from pcakd.images import save_image
from pcakd.utils.extras import require_extra
from pcakd.utils.files import write_text

LOSSES = "losses.csv"
"""Its name in a run's folder."""

_TERMS = (
    *(f"tap{tap}" for tap in (1, 2, 3, 4)),
    *(f"decoder{block}" for block in (1, 2, 3, 4)),
    *(f"image{tap}" for tap in (1, 2, 3, 4)),
    *("style", "structure", "perceptual", "range"),
    *("b", "c", "d"),
)
_NUMBERS = ("block", "attempt", "global_step")
COLUMNS = ("block", "attempt", "phase", "step", "global_step", "rate", "loss", *_TERMS)


class Journal:
    """Appends rows to ``losses.csv`` and scalars to ``tensorboard/``.

    Args:
        folder: The output folder of the run.
        legs: What the run goes through.
        position: Index of the leg, attempt and global step where the run goes on: later rows are
            dropped, they come again. A restarted leg repeats global steps, so they do not order
            rows.

    Raises:
        OutputError: The folder cannot be written.
    """

    def __init__(
        self, folder: Path, *, legs: Sequence[Leg], position: tuple[int, int, int]
    ) -> None:
        self._path = folder / LOSSES
        self._order = {f"{leg.block} {leg.phase}": index for index, leg in enumerate(legs)}
        write_text(self._path, _table(self._kept(position)))
        require_extra("train", "tensorboard", "training curves")
        from torch.utils.tensorboard import SummaryWriter

        try:
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=position[-1])
        except OSError as error:
            raise OutputError(f"cannot write {folder / 'tensorboard'}: {error}") from error

    def _kept(self, position: tuple[int, int, int]) -> list[dict[str, str]]:
        if not self._path.exists():
            return []
        text = self._path.read_text(encoding="utf-8", errors="replace").replace("\0", "")
        # a kill can tear a row: it lacks columns, or its step is no number
        return [
            {name: row[name] for name in COLUMNS}
            for row in csv.DictReader(io.StringIO(text))
            if row.keys() >= set(COLUMNS)
            and None not in row.values()
            and all(row[name].isdecimal() for name in _NUMBERS)
            and self._place(row) <= position
        ]

    def _place(self, row: dict[str, str]) -> tuple[int, int, int]:
        leg = self._order.get(f"{row['block']} {row['phase']}", len(self._order))
        return leg, int(row["attempt"]), int(row["global_step"])

    def add(self, row: dict[str, float | int | str]) -> None:
        """Write one row; a term that a phase lacks stays empty.

        Raises:
            OutputError: The file cannot be written.
        """
        try:
            with self._path.open("a", newline="", encoding="utf-8") as stream:
                csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n").writerow(row)
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror or error}") from error
        step = int(row["global_step"])
        block = f"block{row['block']}/" if row["block"] else ""
        for name in ("loss", "rate", *_TERMS):
            if name in row:
                self._board.add_scalar(f"{block}{row['phase']}/{name}", float(row[name]), step)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._board.close()


def _table(rows: Sequence[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def save_contact_sheet(path: Path, rows: Float[Tensor, "r n 3 s s"]) -> None:
    """Write rows of square pictures as one picture."""
    gap = torch.ones(*rows.shape[:-1], 4, device=rows.device)
    strips = torch.cat((rows, gap), dim=-1).permute(0, 2, 3, 1, 4).flatten(3)
    save_image(path, torch.cat(tuple(strips), dim=-2).cpu())
