"""Styles: what stylization takes from a style image, measured once, mixed, saved and loaded."""

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from pcakd.blocks import Autoencoder
from pcakd.coarse_to_fine import TAPS, measure_taps
from pcakd.errors import ConfigError, ShapeError, StyleFileError, shorten
from pcakd.inputs import Photograph, prepare_input, require_student
from pcakd.linalg import Statistics, accumulation_dtype
from pcakd.styles.identity import StudentIdentity, identify
from pcakd.styles.mixing import mix_statistics, pool_statistics
from pcakd.utils.devices import resolve_device
from pcakd.utils.files import (
    pack_header,
    read_safetensors,
    to_path,
    unpack_header,
    write_safetensors,
)

FORMAT = "pcakd-style"
FORMAT_VERSION = 2
_WITHOUT_COLOURS = 1
"""The version that earlier releases read; styles without moments of colours still have it."""
_COLOURS = "colours"
_LARGEST_FILE = 64 << 20
_ROUNDING = 1e-4
"""Asymmetry and negative eigenvalues that rounding can cause, as a share of the largest entry."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Style:
    """Mean and covariance of style features at taps 1 to 4, and of colours if they are used.

    Make one with :func:`extract_style`, :func:`mix_styles` or :func:`load_style`, and give it to
    ``pcakd.stylize`` in place of a style image.

    Attributes:
        taps: Moments at taps 1 to 4, in float64 (float32 on MPS), on one device.
        student: The student whose features these are; no other student can use them.
        colours: Moments of the RGB values, where the student ends with a colour transfer.

    Raises:
        ShapeError: There are not four taps, or a covariance does not fit its mean.
    """

    taps: tuple[Statistics, Statistics, Statistics, Statistics]
    student: StudentIdentity
    colours: Statistics | None = None

    def __post_init__(self) -> None:
        shapes = [(tuple(each.mean.shape), tuple(each.covariance.shape)) for each in self.moments]
        if len(self.taps) != len(TAPS) or any(
            len(mean) != 1 or covariance != 2 * mean for mean, covariance in shapes
        ):
            raise ShapeError(f"a style needs means (c,) and covariances (c, c), got {shapes}")
        if self.colours is not None and len(self.colours.mean) != 3:
            raise ShapeError(f"a style has 3 colours, got {len(self.colours.mean)}")

    @property
    def moments(self) -> tuple[Statistics, ...]:
        """The moments at taps 1 to 4, then those of the colours if there are any."""
        return self.taps if self.colours is None else (*self.taps, self.colours)

    @property
    def device(self) -> torch.device:
        """The device that the moments are on."""
        return self.taps[0].mean.device

    def __repr__(self) -> str:
        """Return the student and the widths of the taps, without the numbers."""
        return f"Style(student={self.student}, widths={self.widths}, device={self.device})"

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the four taps."""
        return tuple(len(tap.mean) for tap in self.taps)

    def to(self, device: str | torch.device) -> "Style":
        """Return this style with its moments on another device."""
        device = torch.device(device)
        kind = accumulation_dtype(device)
        moved = [
            Statistics(
                mean=_move(t.mean, device, kind), covariance=_move(t.covariance, device, kind)
            )
            for t in self.moments
        ]
        return _create(moved, self.student)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a ``.safetensors`` file (tens of kilobytes), whole or not at all.

        Raises:
            OutputError: The file cannot be written.
        """
        header = {
            "format": FORMAT,
            "version": _WITHOUT_COLOURS if self.colours is None else FORMAT_VERSION,
            "student": {"name": self.student.name, "hashes": self.student.hashes},
        }
        tensors = {}
        for key, each in zip((*TAPS, _COLOURS), self.moments, strict=False):
            tensors[f"mean.{key}"] = each.mean.cpu().double()
            tensors[f"covariance.{key}"] = each.covariance.cpu().double()
        write_safetensors(path, tensors, pack_header(header))

    def statistics_for(self, network: Autoencoder) -> tuple[Statistics, ...]:
        """Return the moments on a network's device, if the network is the one that made them.

        Raises:
            ConfigError: Another student made this style.
        """
        spec = getattr(network, "spec", None)
        fits = spec is None or self.widths == spec.ranks
        fits &= (self.colours is not None) == bool(network.colour_transfer)
        if not fits or not self.student.matches(network):
            raise ConfigError(
                f"this style was made by student {self.student}, not by {identify(network)}; "
                "extract it with the student that is to use it"
            )
        device = next(network.parameters()).device
        return (self if self.device == device else self.to(device)).moments


def _create(moments: Sequence[Statistics], student: StudentIdentity) -> Style:
    """Make a style of its moments: four taps, and then the colours if there are any."""
    first, second, third, fourth, *colours = moments
    return Style(
        taps=(first, second, third, fourth), student=student, colours=next(iter(colours), None)
    )


def _move(tensor: Tensor, device: torch.device, kind: torch.dtype) -> Tensor:
    """Convert before a move to MPS, which has no float64, and after a move from there."""
    return tensor.to(kind).to(device) if kind == torch.float32 else tensor.to(device).to(kind)


def extract_style(
    student: Autoencoder,
    images: Photograph | Iterable[Photograph],
    weights: Sequence[float] | None = None,
) -> Style:
    """Measure the style of one or several photographs.

    Without weights, the pixels of all photographs are pooled into one Gaussian at each tap: a
    larger photograph counts more, and differences between photographs add to the covariance. With
    weights, the Gaussians of the photographs are mixed as :func:`mix_styles` mixes styles.

    Args:
        student: The student that will use the style.
        images: One photograph, a batch, or several photographs, which are read one after the other;
            each RGB in [0, 1], at least 16 × 16, of the student's type and on its device. PIL
            images, arrays ``(h, w, 3)`` and uint8 tensors are converted.
        weights: One weight for each photograph, not negative; only their ratios count.

    Raises:
        ShapeError: An image has another type, layout, size, range of values or device, or there is
            none.
        ConfigError: The student is none, or the weights do not make sense.
    """
    require_student(student)
    measured = [
        measure_taps(student, prepare_input("style", image, student)) for image in _split(images)
    ]
    if not measured:
        raise ShapeError("there is no style image; give at least one")
    identity = identify(student)
    if weights is not None:
        return mix_styles([_pool([each], identity) for each in measured], weights)
    return _pool(measured, identity)


def _split(images: Photograph | Iterable[Photograph]) -> Iterator[Photograph]:
    """Yield single photographs, also those of batches."""
    single = isinstance(images, Tensor | np.ndarray) or not isinstance(images, Iterable)
    given = cast("Iterable[Photograph]", [images] if single else images)
    for image in given:
        if isinstance(image, Tensor) and image.dim() == 4:
            yield from image
        else:
            yield image


def _pool(measured: Sequence[Sequence[tuple[Statistics, int]]], identity: StudentIdentity) -> Style:
    pooled = [
        pool_statistics([moments for moments, _ in tap], [count for _, count in tap])
        for tap in zip(*measured, strict=True)
    ]
    return _create(pooled, identity)


def mix_styles(styles: Sequence[Style], weights: Sequence[float]) -> Style:
    """Mix styles: the Wasserstein barycentre of their Gaussians at each tap.

    Args:
        styles: Styles of one student.
        weights: One weight for each style, not negative; only their ratios count. If a single
            weight is not zero, its style is returned as it is.

    Raises:
        ConfigError: The weights do not make sense, or the styles are of different students.
        NumericalError: The mix does not converge.
    """
    _require_styles(styles)
    shares = check_weights(weights, len(styles))
    first = styles[0]
    for other in styles[1:]:
        alike = other.widths == first.widths and (other.colours is None) == (first.colours is None)
        if not other.student.agrees_with(first.student) or not alike:
            raise ConfigError(
                f"cannot mix a style of student {first.student} with one of {other.student}"
            )
    used = [(style, share) for style, share in zip(styles, shares, strict=True) if share > 0.0]
    if len(used) == 1:
        return used[0][0]
    moved = [style.to(first.device) for style, _ in used]
    mixed = [
        mix_statistics(moments, [share for _, share in used])
        for moments in zip(*(style.moments for style in moved), strict=True)
    ]
    return _create(mixed, first.student)


def _require_styles(styles: object) -> None:
    if not isinstance(styles, list | tuple):
        raise ConfigError(f"expected a list of styles, got {shorten(styles)}")
    for style in styles:
        if not isinstance(style, Style):
            raise ConfigError(
                f"cannot mix {shorten(style)}; pcakd.extract_style makes a style of a photograph"
            )


def check_weights(weights: Sequence[float], count: int) -> list[float]:
    """Return weights divided by their sum.

    Raises:
        ConfigError: They are not ``count`` finite numbers of 0 or more, or all are 0.
    """
    try:
        numbers = [float(weight) for weight in weights]
    except (TypeError, ValueError):
        raise ConfigError(f"weights must be numbers, got {weights!r}") from None
    if len(numbers) != count or not count:
        raise ConfigError(f"expected one weight for each of {count} styles, got {len(numbers)}")
    if not all(math.isfinite(number) and number >= 0.0 for number in numbers):
        raise ConfigError(f"weights must be finite and not negative, got {numbers}")
    largest = max(numbers)
    if largest == 0.0:
        raise ConfigError("all weights are 0; at least one must be positive")
    scaled = [number / largest for number in numbers]  # the sum of huge weights would overflow
    return [number / sum(scaled) for number in scaled]


def load_style(path: str | os.PathLike[str], *, device: str | torch.device = "cpu") -> Style:
    """Load a style from a ``.safetensors`` file.

    A student moves the style to its own device when it uses it.

    Raises:
        StyleFileError: The file is missing, damaged or not a style.
        ConfigError: The device is not on this machine.
    """
    place = resolve_device(str(device))
    path = to_path(path, "the style", error=StyleFileError)
    if path.is_file() and path.stat().st_size > _LARGEST_FILE:
        raise StyleFileError(f"{path} is larger than {_LARGEST_FILE >> 20} MiB; it is not a style")
    tensors, metadata = read_safetensors(path, error=StyleFileError)
    identity, version = _read_header(path, metadata)
    keys = [f"{tap}" for tap in TAPS] + ([_COLOURS] if version == FORMAT_VERSION else [])
    if set(tensors) != {f"{kind}.{key}" for kind in ("mean", "covariance") for key in keys}:
        names = "four taps" if _COLOURS not in keys else "four taps and of colours"
        raise StyleFileError(f"{path}: expected a mean and a covariance of {names}; file damaged")
    try:
        style = _create([_read_moments(path, tensors, key) for key in keys], identity)
    except ShapeError as error:
        raise StyleFileError(f"{path}: {error}; file damaged") from error
    return style.to(place)


def _read_header(path: Path, metadata: dict[str, str]) -> tuple[StudentIdentity, int]:
    try:
        header = unpack_header(metadata)
        known, version = header["format"] == FORMAT, header["version"]
    except (KeyError, ValueError):
        known, version, header = False, None, {}
    if not known:
        raise StyleFileError(f"{path} is a safetensors file but not of a style; use another")
    if version not in (_WITHOUT_COLOURS, FORMAT_VERSION):
        raise StyleFileError(
            f"{path} has format version {version!r}, this release reads {_WITHOUT_COLOURS} and "
            f"{FORMAT_VERSION}; upgrade"
        )
    try:
        name, hashes = header["student"]["name"], dict(header["student"]["hashes"])
    except (KeyError, TypeError, ValueError):
        name, hashes = None, {}
    texts = [name, *hashes.keys(), *hashes.values()]
    if not hashes or not all(_is_short_line(text) for text in texts):
        raise StyleFileError(f"{path}: the header does not name a student; file damaged")
    return StudentIdentity(name, hashes), version


def _is_short_line(text: object) -> bool:
    return isinstance(text, str) and len(text) <= 200 and text.isprintable()


def _read_moments(path: Path, tensors: dict[str, Tensor], key: str) -> Statistics:
    mean, covariance = tensors[f"mean.{key}"], tensors[f"covariance.{key}"]
    name = key if key == _COLOURS else f"tap {key}"
    if mean.dtype != torch.float64 or covariance.dtype != torch.float64:
        raise StyleFileError(f"{path}: moments of {name} are not float64; file damaged")
    if mean.dim() != 1 or not len(mean) or covariance.shape != (len(mean), len(mean)):
        raise StyleFileError(
            f"{path}: {name} has a mean {tuple(mean.shape)} and a covariance "
            f"{tuple(covariance.shape)}; file damaged"
        )
    allowed = _ROUNDING * float(covariance.abs().max())
    asymmetry = float((covariance - covariance.mT).abs().max())
    if not asymmetry <= allowed or not float(torch.linalg.eigvalsh(covariance)[0]) >= -allowed:
        raise StyleFileError(f"{path}: {name} holds no covariance matrix; file damaged")
    return Statistics(mean=mean, covariance=covariance)
