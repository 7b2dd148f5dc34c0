"""Records on disk: JSON Lines, append only, whole lines. Imports no torch."""

import os
from datetime import UTC, datetime
from pathlib import Path

from bench.records.identity import latest_records
from bench.records.schema import Record, decode_record, encode_record
from pcakd.errors import ConfigError, OutputError

RECORDS_NAME = "records.jsonl"
EXAMPLES_FOLDER = "examples"
HISTORIES_FOLDER = "histories"

_RENDERED = (
    *("README.md", "examples.jpg", "tables", "plots"),
    *(EXAMPLES_FOLDER, HISTORIES_FOLDER),
)
"""What a run and its report write into a folder beside the records."""

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
"""Flags that append bytes unchanged; without the last one Windows rewrites line ends."""


def name_example(subject: str) -> str:
    """Return the file name of a subject's example; Windows allows no ``>`` and ``|`` in it.

    >>> name_example("vgg16>lut33|guided")
    'vgg16-lut33+guided.jpg'
    """
    return f"{subject.replace('>', '-').replace('|', '+')}.jpg"


def records_path(place: str | os.PathLike[str]) -> Path:
    """Return the records file of a run folder; a ``.jsonl`` path is the file itself."""
    path = Path(place)
    return path if path.suffix == ".jsonl" else path / RECORDS_NAME


def require_run_folder(folder: Path) -> None:
    """Check that a report rendered into a folder replaces only files of an earlier report.

    Raises:
        OutputError: The folder has no records, and it holds a file or folder of a report's name.
    """
    if records_path(folder).exists() or any(folder.glob("records.*.jsonl")):
        return
    for name in _RENDERED:
        if (folder / name).exists():
            raise OutputError(
                f"{folder} is no run folder: it holds no {RECORDS_NAME}, and a report would "
                f"replace its {name}; name another folder"
            )


def append_record(place: str | os.PathLike[str], record: Record) -> None:
    """Append one record as one line, in one write, and wait until it is on the disk.

    An incomplete last line, left by a killed process, is removed first; a whole record that only
    lacks its line end gets it. Only one process may write to a file at a time
    (`pcakd.utils.locks`).

    Raises:
        OutputError: The file cannot be written.
        ConfigError: The record holds a number that is not finite.
    """
    line = (encode_record(record) + "\n").encode()
    path = records_path(place)
    try:
        _repair_last_line(path)
        descriptor = os.open(path, _APPEND, 0o666)
        try:
            written = os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    if written != len(line):
        raise OutputError(
            f"cannot write {path}: {written} of {len(line)} bytes were written; free space"
        )


def set_records_aside(folder: Path) -> Path | None:
    """Rename the records file of a folder, so that a new one begins.

    The folders ``examples`` and ``histories`` belong to the records and are renamed too.

    Returns:
        The new path, ``records.<time of its last record>.jsonl`` (and ``examples.<same>``,
        ``histories.<same>``); None where there was no record.

    Raises:
        OutputError: The file or the folder cannot be renamed.
    """
    path = records_path(folder)
    try:
        if not path.exists() or path.stat().st_size == 0:
            return None
        written = f"{datetime.fromtimestamp(path.stat().st_mtime, UTC):%Y%m%dT%H%M%SZ}"
        for name in (EXAMPLES_FOLDER, HISTORIES_FOLDER):
            if (folder / name).is_dir():
                (folder / name).replace(folder / f"{name}.{written}")
        return path.replace(path.with_name(f"records.{written}.jsonl"))
    except OSError as error:
        raise OutputError(f"cannot rename {path}: {error.strerror or error}") from error


def read_records(place: str | os.PathLike[str]) -> list[Record]:
    """Read all records of a run folder (or of a ``.jsonl`` file) in order.

    A last line without a line end counts if it is a whole record (an editor may have removed the
    line end); otherwise its process was killed, and it is left out. Every other line must be a
    whole record.

    Raises:
        ConfigError: There is no such file, or a line is not a record; the message has its number.
    """
    path = records_path(place)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist; name a folder that `pcakd-bench run` wrote"
        ) from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    *lines, last = content.split(b"\n")
    if _is_record(last):
        lines.append(last)
    return [_decode(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def read_latest_records(folder: Path) -> tuple[Record, ...]:
    """Return the last record of each case and repeat; a folder without records has none.

    Raises:
        ConfigError: A line is not a record.
    """
    return latest_records(read_records(folder)) if records_path(folder).exists() else ()


def _decode(path: Path, number: int, line: bytes) -> Record:
    try:
        return decode_record(line)
    except ConfigError as error:
        raise ConfigError(f"{path} line {number}: {error}") from error


def _is_record(line: bytes) -> bool:
    try:
        decode_record(line)
    except ConfigError:
        return False
    return True


def _repair_last_line(path: Path) -> None:
    """Complete a last line without a line end that is a record, and remove another one."""
    if not path.exists():
        return
    with path.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        if size == 0:
            return
        stream.seek(size - 1)
        if stream.read(1) == b"\n":
            return
        stream.seek(0)
        content = stream.read()
        start = content.rfind(b"\n") + 1
        if _is_record(content[start:]):
            stream.write(b"\n")
        else:
            stream.truncate(start)
