"""Per-photograph covariances on disk: a photograph is read once, and a killed run continues.

A record of the file is one photograph. All records have one length, which the teacher decides. A
record that a kill has cut short is dropped. The file beside it says what the records are made of;
records of other settings are not continued.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.errors import ConfigError, OutputError
from pcakd.utils.files import write_text

COVARIANCES = "covariances.f32"
SETTINGS = "covariances.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TapMoments:
    """Moments of one photograph at one tap.

    Attributes:
        mean: Mean of each channel.
        covariance: Within-image covariance, divided by the number of pixels.
    """

    mean: Float[Tensor, " c"]
    covariance: Float[Tensor, "c c"]

    def divided_by(self, scale: Float[Tensor, " c"]) -> "TapMoments":
        """Return the moments of features whose channels are divided by ``scale``."""
        return TapMoments(
            mean=self.mean / scale, covariance=self.covariance / torch.outer(scale, scale)
        )


class CovarianceSpool:
    """A file of the moments of photographs, in the order of the photographs.

    Values are float32: an eigenvalue below 1e-7 of the largest of its photograph is rounding.

    Args:
        folder: Holds the file.
        widths: Channels of the taps.
        settings: What the records are made of, as JSON values.

    Raises:
        ConfigError: The folder has records of other settings.
        OutputError: The folder cannot be written.
    """

    def __init__(self, folder: Path, *, widths: Sequence[int], settings: Mapping[str, Any]) -> None:
        self._widths = tuple(widths)
        self._path = folder / COVARIANCES
        self._record_bytes = 4 * sum(width + width * (width + 1) // 2 for width in widths)
        described = folder / SETTINGS
        wanted = json.loads(json.dumps(settings))
        if self._path.is_file() and described.is_file():
            if _read_json(described) != wanted:
                raise ConfigError(
                    f"{folder} has an unfinished analysis with other settings or photographs; "
                    f"repeat its command, delete {COVARIANCES} there, or name another folder"
                )
        else:
            write_text(described, json.dumps(wanted, indent=2, sort_keys=True) + "\n")
            self._path.unlink(missing_ok=True)
        self._drop_incomplete()

    def __len__(self) -> int:
        """The number of whole records."""
        return self._path.stat().st_size // self._record_bytes if self._path.exists() else 0

    @property
    def record_bytes(self) -> int:
        """Bytes of a photograph's record."""
        return self._record_bytes

    def append(self, taps: Sequence[TapMoments]) -> None:
        """Add the record of the next photograph.

        Raises:
            OutputError: The disk is full or the file cannot be written.
        """
        parts = []
        for moments in taps:
            rows, columns = torch.triu_indices(*moments.covariance.shape)
            parts += [moments.mean, moments.covariance[rows, columns]]
        content = torch.cat([part.float() for part in parts]).numpy().tobytes()
        try:
            with self._path.open("ab") as stream:
                stream.write(content)
        except OSError as error:
            self._drop_incomplete()
            raise OutputError(f"cannot write {self._path}: {error.strerror or error}") from error

    def read(
        self,
        tap: int,
        *,
        scale: Float[Tensor, " c"] | None = None,
        order: Iterable[int] | None = None,
    ) -> Iterator[TapMoments]:
        """Yield the moments of each photograph at tap 1 to 4, in float64, one at a time.

        Args:
            tap: Which tap.
            scale: What the channels are divided by; None leaves them.
            order: Numbers of photographs; None is all in their order.
        """
        if not len(self):
            return
        sizes = [width + width * (width + 1) // 2 for width in self._widths]
        start, width = sum(sizes[: tap - 1]), self._widths[tap - 1]
        rows, columns = torch.triu_indices(width, width)
        records = np.memmap(self._path, np.float32, mode="r", shape=(len(self), sum(sizes)))
        for number in range(len(records)) if order is None else order:
            part = records[number, start : start + sizes[tap - 1]]
            values = torch.from_numpy(part.astype(np.float64))
            covariance = torch.empty(width, width, dtype=torch.float64)
            covariance[rows, columns] = values[width:]
            covariance[columns, rows] = values[width:]
            moments = TapMoments(mean=values[:width], covariance=covariance)
            yield moments if scale is None else moments.divided_by(scale)

    def remove(self) -> None:
        """Delete the files."""
        self._path.unlink(missing_ok=True)
        (self._path.parent / SETTINGS).unlink(missing_ok=True)

    def _drop_incomplete(self) -> None:
        """Cut off what a kill or a full disk has left of the last record."""
        if self._path.exists():
            with self._path.open("r+b") as stream:
                stream.truncate(len(self) * self._record_bytes)


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return None
