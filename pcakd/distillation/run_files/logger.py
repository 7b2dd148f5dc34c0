"""The training log: a CSV of losses, TensorBoard curves, and contact sheets."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.distillation.schedule import PhaseSchedule
from pcakd.errors import OutputError
from pcakd.images import save_image
from pcakd.utils.extras import require_extra
from pcakd.utils.files import write_text

LOSSES = "losses.csv"
"""Name of the CSV in a run's folder."""

_INTEGERS = ("block", "attempt", "global_step")
_COLUMNS = ("block", "attempt", "phase", "step", "global_step", "rate", "loss")


class TrainingLogger:
    """Appends rows to ``losses.csv`` and scalars to ``tensorboard/``.

    Args:
        folder: The output folder of the run.
        phases: The phases of the training, in order.
        losses: Names of all loss terms; each has a column.
        position: Index of the phase, attempt and global step at which the training continues.
            Later rows of a former run are dropped. A phase that restarts repeats global steps, so
            they alone do not order rows.

    Raises:
        OutputError: The folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        phases: Sequence[PhaseSchedule],
        losses: Sequence[str],
        position: tuple[int, int, int],
    ) -> None:
        self._path = folder / LOSSES
        self._losses = tuple(losses)
        self._columns = (*_COLUMNS, *losses)
        self._order = {f"{each.block} {each.name}": index for index, each in enumerate(phases)}
        write_text(self._path, self._table(self._kept(position)))
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
        # a kill can tear a row: it lacks columns, or its step is not a number
        return [
            {name: row[name] for name in self._columns}
            for row in csv.DictReader(io.StringIO(text))
            if row.keys() >= set(self._columns)
            and None not in row.values()
            and all(row[name].isdecimal() for name in _INTEGERS)
            and self._position(row) <= position
        ]

    def _position(self, row: dict[str, str]) -> tuple[int, int, int]:
        phase = self._order.get(f"{row['block']} {row['phase']}", len(self._order))
        return phase, int(row["attempt"]), int(row["global_step"])

    def _table(self, rows: Sequence[dict[str, str]]) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def add(self, row: dict[str, float | int | str]) -> None:
        """Write one row; the columns of other phases' losses stay empty.

        Raises:
            OutputError: The file cannot be written.
        """
        try:
            with self._path.open("a", newline="", encoding="utf-8") as stream:
                writer = csv.DictWriter(stream, self._columns, restval="", lineterminator="\n")
                writer.writerow(row)
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror or error}") from error
        step = int(row["global_step"])
        block = f"block{row['block']}/" if row["block"] else ""
        for name in ("loss", "rate", *self._losses):
            if name in row:
                self._board.add_scalar(f"{block}{row['phase']}/{name}", float(row[name]), step)

    def __enter__(self) -> "TrainingLogger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._board.close()


def save_contact_sheet(path: Path, rows: Float[Tensor, "r n 3 s s"]) -> None:
    """Write rows of square images as one image."""
    gap = torch.ones(*rows.shape[:-1], 4, device=rows.device)
    strips = torch.cat((rows, gap), dim=-1).permute(0, 2, 3, 1, 4).flatten(3)
    save_image(path, torch.cat(tuple(strips), dim=-2).clamp(0.0, 1.0).cpu())
