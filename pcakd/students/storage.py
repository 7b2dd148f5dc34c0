"""Student files: safetensors with a JSON header in the metadata."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pcakd.blocks import BlockDesign, Regularizer
from pcakd.errors import PcakdError, StudentFileError
from pcakd.students.former_names import rename_card
from pcakd.students.spec import StudentSpec
from pcakd.students.student import Student
from pcakd.utils.devices import resolve_device
from pcakd.utils.files import (
    pack_header,
    read_safetensors,
    to_path,
    unpack_header,
    write_safetensors,
)
from pcakd.utils.registry import unknown_name
from pcakd.zoo import find_file, is_name, list_names

FORMAT = "pcakd-student"
FORMAT_VERSION = 2
_WITHOUT_COLOUR_TRANSFER = 1
"""The version that earlier releases read; students without a colour transfer still have it."""
_SERIES = ("eigenbases", "channel_means")  # tensors by tap that are not weights


def list_students(*, versions: bool = False) -> tuple[str, ...]:
    """Return the names of the students that ship with the package.

    Args:
        versions: Whether to return all versions instead, as ``NAME@N``; a name alone stands for the
            current one.
    """
    return list_names(versions=versions)


def save_student(path: str | os.PathLike[str], student: Student) -> None:
    """Write a student with its eigenbases and card, whole or not at all.

    Raises:
        OutputError: The file cannot be written.
    """
    transfers = student.colour_transfer > 0.0
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": FORMAT_VERSION if transfers else _WITHOUT_COLOUR_TRANSFER,
        "architecture": student.spec.architecture,
        "ranks": list(student.spec.ranks),
        "colour_conv": student.spec.colour_conv,
        "regularizer": student.regularizer,
        "card": student.card,
    }
    if transfers:
        header["colour_transfer"] = student.colour_transfer
    if student.spec.designs:
        header["designs"] = [_pack_design(design) for design in student.spec.designs]
    if student.spec.low_rank < 1:
        header["low_rank"] = student.spec.low_rank
    tensors = dict(student.state_dict())
    for series in _SERIES:
        for tap, tensor in enumerate(getattr(student, series), start=1):
            tensors[f"{series}.{tap}"] = tensor
    write_safetensors(path, tensors, pack_header(header))


def _pack_design(design: BlockDesign) -> dict[str, Any]:
    """Return a design as JSON values, without a decoder that earlier releases have, too."""
    values = asdict(design)
    if design.decoder == "conv":
        del values["decoder"]
    return values


def load_student(
    name_or_path: str | os.PathLike[str], *, device: str | torch.device = "cpu"
) -> Student:
    """Load a student in eval mode with frozen weights.

    Args:
        name_or_path: The name of a shipped student, ``NAME`` or ``NAME@N`` for version N, or the
            path of a ``.safetensors`` file.
        device: Where to put it: ``cpu``, ``cuda``, ``cuda:N``, ``mps`` or ``auto``.

    Raises:
        UnknownNameError: No shipped student has the name, and it is not the path of a file.
        StudentFileError: The file is missing, damaged or not a student.
        ConfigError: The device is not on this machine.
    """
    place = resolve_device(str(device))
    with _located(name_or_path) as path:
        return _read(path).to(place)


def load_card(name_or_path: str | os.PathLike[str]) -> dict[str, Any]:
    """Load the card of a student without its weights: teacher, data, losses, results, licences.

    Args:
        name_or_path: A shipped student, a student's ``.safetensors`` file, or a card as ``.json``.

    Raises:
        UnknownNameError: No shipped student has the name, and it is not the path of a file.
        StudentFileError: The file is missing, damaged or has no card.
    """
    with _located(name_or_path) as path:
        card = _read_json(path) if path.suffix.lower() == ".json" else _read_card(path)
    if not isinstance(card, dict):
        raise StudentFileError(f"{path}: the card is not an object; the file is damaged")
    return rename_card(card)


def _read_card(path: Path) -> object:
    metadata = read_safetensors(path, error=StudentFileError)[1]
    return _header_of(path, metadata).get("card")


def _read_json(path: Path) -> object:
    if not path.is_file():
        raise StudentFileError(f"{path} is not a file; check the path")
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as cause:
        reason = " ".join(str(cause).split())
        raise StudentFileError(f"{path} cannot be read as JSON ({reason}); use another") from cause


@contextmanager
def _located(name_or_path: str | os.PathLike[str]) -> Iterator[Path]:
    """Find the file of a shipped student or of a path.

    Raises:
        UnknownNameError: It is neither.
        StudentFileError: It is no text and no path.
    """
    path = to_path(name_or_path, "the student", error=StudentFileError)
    text = os.fspath(name_or_path)
    if is_name(text):
        with as_file(find_file(text)) as shipped:
            yield shipped
    elif path.exists() or path.suffix or len(path.parts) > 1:
        yield path
    else:
        raise unknown_name("student", text, (*list_names(), *list_names(versions=True)))


def _read(path: Path) -> Student:
    tensors, metadata = read_safetensors(path, error=StudentFileError)
    student = _student_of(path, _header_of(path, metadata), tensors)
    weights = {name: t for name, t in tensors.items() if name.split(".")[0] not in _SERIES}
    expected = {name: tuple(t.shape) for name, t in student.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise StudentFileError(
                f"{path}: tensor {name!r} should be {expected.get(name, 'absent')}, "
                f"is {found.get(name, 'absent')}; the file is damaged"
            )
    student.load_state_dict({name: t.float() for name, t in weights.items()}, assign=True)
    return student.eval().requires_grad_(False)


def _header_of(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        header = unpack_header(metadata)
        known = header["format"] == FORMAT
        version = header["version"]
    except (KeyError, ValueError):
        known, version, header = False, None, {}
    if not known:
        raise StudentFileError(f"{path} is a safetensors file but not of a student; use another")
    if version not in (_WITHOUT_COLOUR_TRANSFER, FORMAT_VERSION):
        raise StudentFileError(
            f"{path} has format version {version!r}, this release reads "
            f"{_WITHOUT_COLOUR_TRANSFER} and {FORMAT_VERSION}; upgrade"
        )
    return dict(header)


def _regularizer_of(value: object) -> Regularizer:
    """Read λ: a number, or a list of one for each tap; the student checks its range."""
    numbers = value if isinstance(value, list) else [value] * 4
    if len(numbers) != 4 or not all(
        isinstance(each, int | float) and math.isfinite(each) for each in numbers
    ):
        raise TypeError("regularizer is not a finite number, or four of them")
    first, second, third, fourth = map(float, numbers)
    return (first, second, third, fourth) if isinstance(value, list) else first


def _colour_transfer_of(header: Mapping[str, Any]) -> float:
    """Read the strength of the colour transfer, which files of version 2 have, and no others."""
    if header["version"] == _WITHOUT_COLOUR_TRANSFER:
        if "colour_transfer" in header:
            raise TypeError("version 1 has no colour transfer")
        return 0.0
    value = header["colour_transfer"]
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.0 < value <= 1.0:
        raise TypeError("colour_transfer is not a number over 0, up to 1")
    return float(value)


def _student_of(path: Path, header: dict[str, Any], tensors: Mapping[str, Tensor]) -> Student:
    try:
        ranks = tuple(header["ranks"])
        regularizer = _regularizer_of(header["regularizer"])
        if max(ranks) > 4096:
            raise ValueError("a rank is over 4096")
        card = header["card"]
        if not isinstance(card, dict):
            raise TypeError("card is not an object")
        spec = StudentSpec(
            architecture=header["architecture"],
            ranks=ranks,
            colour_conv=bool(header["colour_conv"]),
            designs=tuple(BlockDesign(**design) for design in header.get("designs", ())),
            low_rank=header.get("low_rank", 1.0),
        )
        eigenbases, means = (
            [tensors[name] for name in sorted(tensors) if name.startswith(f"{series}.")]
            for series in _SERIES
        )
        with torch.device("meta"):  # shapes only: a hostile header must not allocate memory
            return Student(
                spec,
                regularizer=regularizer,
                colour_transfer=_colour_transfer_of(header),
                eigenbases=eigenbases,
                channel_means=means,
                card=rename_card(card),
            )
    except (KeyError, TypeError, ValueError, OverflowError, PcakdError) as cause:
        raise StudentFileError(f"{path}: header damaged ({cause}); use another file") from cause
