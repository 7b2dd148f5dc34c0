"""What a run leaves for people: a CSV of losses, TensorBoard curves, contact sheets."""

import csv
import io
from pathlib import Path
from types import TracebackType

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from pcakd.blocks import Autoencoder
from pcakd.errors import OutputError
from pcakd.files import write_text
from pcakd.images import save_image

COLUMNS = ("block", "attempt", "phase", "step", "global_step", "rate", "loss", "a", "b", "c", "d")
_POSITION = ("block", "attempt", "global_step")


class Journal:
    """Appends rows to ``losses.csv`` and scalars to ``tensorboard/``.

    Args:
        folder: The output folder of the run.
        position: Block, attempt and global step where the run goes on: later rows are dropped,
            they come again. A restarted block repeats global steps, so they do not order rows.
    """

    def __init__(self, folder: Path, *, position: tuple[int, int, int]) -> None:
        self._path = folder / "losses.csv"
        write_text(self._path, _table(self._kept(position)))
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
            and all(row[name].isdecimal() for name in _POSITION)
            and tuple(int(row[name]) for name in _POSITION) <= position
        ]

    def add(self, row: dict[str, float | int | str]) -> None:
        """Write one row; a term that a phase lacks stays empty."""
        try:
            with self._path.open("a", newline="", encoding="utf-8") as stream:
                csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n").writerow(row)
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror or error}") from error
        step = int(row["global_step"])
        for name in ("loss", "a", "b", "c", "d", "rate"):
            if name in row:
                tag = f"block{row['block']}/{row['phase']}/{name}"
                self._board.add_scalar(tag, float(row[name]), step)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._board.close()


def _table(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def save_contact_sheet(
    path: Path, network: Autoencoder, images: Float[Tensor, "b 3 s s"], *, block: int
) -> None:
    """Write photographs above their reconstructions from tap ``block``, as one picture."""
    with torch.inference_mode():
        taps, sources = network.encode_with_sources(images, last_block=block)
        features = taps[-1]
        for tap in range(block, 0, -1):
            features = network.decode_block(tap, features, sources[tap - 1])
    rows = torch.stack((images, features.clamp(0.0, 1.0)))
    gap = torch.ones(*rows.shape[:-1], 4, device=rows.device)
    strips = torch.cat((rows, gap), dim=-1).permute(0, 2, 3, 1, 4).flatten(3)
    save_image(path, torch.cat(tuple(strips), dim=-2).cpu())
