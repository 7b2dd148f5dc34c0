"""Files of eigenbases: safetensors with a JSON header."""

import os
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from pcakd.eigenbases.basis import Eigenbasis
from pcakd.errors import PcakdError
from pcakd.utils.files import pack_header, read_safetensors, unpack_header, write_safetensors

FORMAT = "pcakd-eigenbases"


def save_eigenbases(
    path: str | os.PathLike[str],
    eigenbases: Sequence[Eigenbasis],
    *,
    channel_means: Sequence[Tensor] = (),
    card: dict[str, Any],
) -> None:
    """Write eigenbases to a safetensors file, whole or not at all.

    Args:
        path: The file.
        eigenbases: Those of taps 1 to 4.
        channel_means: What the teacher's channels were divided by (Gatys' normalisation), one
            vector for each tap; empty for a teacher without it.
        card: What they were fitted on, as JSON values.

    Raises:
        OutputError: The file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for tap, eigenbasis in enumerate(eigenbases, start=1):
        tensors[f"basis.{tap}"] = eigenbasis.basis
        tensors[f"eigenvalues.{tap}"] = eigenbasis.eigenvalues
    for tap, means in enumerate(channel_means, start=1):
        tensors[f"channel_means.{tap}"] = means
    shares = [{"mcev": e.mcev, "explained": e.explained} for e in eigenbases]
    header = {"format": FORMAT, "version": 1, "taps": shares, "card": card}
    write_safetensors(path, tensors, pack_header(header))


def load_eigenbases(
    path: str | os.PathLike[str],
) -> tuple[list[Eigenbasis], list[Tensor], dict[str, Any]]:
    """Read a file of `save_eigenbases`: the eigenbases, the channel means and the card.

    Raises:
        PcakdError: The file is missing, damaged or holds something else.
    """
    tensors, metadata = read_safetensors(path)
    try:
        header = unpack_header(metadata)
        if header["format"] != FORMAT:
            raise ValueError(f"format {header['format']!r}")
        eigenbases = [
            Eigenbasis(
                basis=tensors[f"basis.{tap}"],
                eigenvalues=tensors[f"eigenvalues.{tap}"],
                mcev=float(shares["mcev"]),
                explained=float(shares["explained"]),
            )
            for tap, shares in enumerate(header["taps"], start=1)
        ]
        means = [tensors[name] for name in sorted(tensors) if name.startswith("channel_means.")]
        return eigenbases, means, dict(header["card"])
    except (KeyError, TypeError, ValueError) as cause:
        raise PcakdError(f"{path} is not a file of eigenbases ({cause}); use another") from cause
