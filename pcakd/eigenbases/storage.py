"""Files of eigenbases: safetensors with a JSON header."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pcakd.eigenbases.basis import Eigenbasis, Spectrum
from pcakd.errors import PcakdError
from pcakd.utils.files import pack_header, read_safetensors, unpack_header, write_safetensors

FORMAT = "pcakd-eigenbases"
SPECTRA_FORMAT = "pcakd-spectra"

_ORTHONORMAL = 1e-3
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectraFile:
    """What a file of spectra holds.

    Attributes:
        spectra: Those of taps 1 to 4.
        channel_means: What the teacher's channels were divided by (Gatys' normalisation), one
            vector for each tap; empty for a teacher without it.
        card: What they were fitted on, as JSON values.
    """

    spectra: tuple[Spectrum, ...]
    channel_means: tuple[Tensor, ...]
    card: dict[str, Any]


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


def save_spectra(path: str | os.PathLike[str], content: SpectraFile) -> None:
    """Write spectra to a safetensors file, whole or not at all.

    Raises:
        OutputError: The file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for tap, spectrum in enumerate(content.spectra, start=1):
        tensors[f"components.{tap}"] = spectrum.components
        tensors[f"eigenvalues.{tap}"] = spectrum.eigenvalues
        tensors[f"mcev.{tap}"] = spectrum.mcev_curve
    for tap, means in enumerate(content.channel_means, start=1):
        tensors[f"channel_means.{tap}"] = means
    header = {"format": SPECTRA_FORMAT, "version": 1, "card": content.card}
    write_safetensors(path, tensors, pack_header(header))


def load_spectra(path: str | os.PathLike[str]) -> SpectraFile:
    """Read a file of `save_spectra`.

    Raises:
        PcakdError: The file is missing, damaged or holds something else.
    """
    tensors, metadata = read_safetensors(path)
    try:
        header = unpack_header(metadata)
        if header["format"] != SPECTRA_FORMAT:
            raise ValueError(f"format {header['format']!r}")
        spectra = tuple(_unpack_spectrum(tensors, tap) for tap in range(1, 5))
        means = tuple(
            tensors[f"channel_means.{tap}"]
            for tap in range(1, 5)
            if f"channel_means.{tap}" in tensors
        )
        if means and [len(each) for each in means] != [len(each.eigenvalues) for each in spectra]:
            raise ValueError("channel means of other sizes")
        card = dict(header["card"])
        if type(card["photographs"]) is not int or not isinstance(card["tensors"], str):
            raise ValueError("its card does not say what it was made from")
        return SpectraFile(spectra=spectra, channel_means=means, card=card)
    except (KeyError, TypeError, ValueError) as cause:
        raise PcakdError(
            f"{path} is not a file of spectra ({cause}); `pcakd analyze` makes one"
        ) from cause


def _unpack_spectrum(tensors: dict[str, Tensor], tap: int) -> Spectrum:
    spectrum = Spectrum(
        components=tensors[f"components.{tap}"],
        eigenvalues=tensors[f"eigenvalues.{tap}"],
        mcev_curve=tensors[f"mcev.{tap}"],
    )
    width = len(spectrum.eigenvalues)
    if spectrum.components.shape != (width, width) or spectrum.mcev_curve.shape != (width,):
        raise ValueError(f"the spectrum of tap {tap} has tensors of different sizes")
    products = spectrum.components.mT @ spectrum.components
    curves = spectrum.eigenvalues.flip(0), spectrum.mcev_curve
    if (
        spectrum.components.dtype != torch.float32
        or float((products - torch.eye(width)).abs().max()) > _ORTHONORMAL
        or float(spectrum.eigenvalues[0]) <= 0.0
        or any(bool((each.diff() < -_ROUNDING).any()) for each in curves)
    ):
        raise ValueError(f"the spectrum of tap {tap} is none")
    return spectrum
