"""Shared by the commands that print one JSON document."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcakd.commands.parser import path_argument

STANDARD_OUTPUT = Path("-")


def add_json_argument(
    parser: argparse.ArgumentParser, content: str, *, required: bool = False
) -> None:
    """Declare ``--json``; without a file it means standard output."""
    parser.add_argument(
        "--json",
        type=path_argument,
        nargs="?",
        const=STANDARD_OUTPUT,
        metavar="OUT",
        required=required,
        help=f"file for {content}; without a file, or with -, they go to standard output and the "
        "text to standard error",
    )


@contextmanager
def open_run_folder(chosen: Path | None) -> Iterator[Path]:
    """Yield the folder for records, created if needed and locked; else a temporary folder.

    Raises:
        OutputError: It cannot be created, another process writes into it, or it is no run folder
            and a report would replace files in it.
    """
    if chosen is not None:
        with open_own_folder(chosen):
            yield chosen
        sys.stderr.write(f"records: {chosen}; `python -m bench report {chosen}` shows them\n")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield Path(folder)


@contextmanager
def open_own_folder(folder: Path) -> Iterator[None]:
    """Lock a run folder, created if needed, until the block ends.

    Raises:
        OutputError: It cannot be created, another process writes into it, or it is no run folder
            and a report would replace files in it.
    """
    from bench.records.store import require_run_folder
    from pcakd.utils.locks import lock_folder

    require_run_folder(folder)
    with lock_folder(folder):
        yield


def write_json(path: Path | None, content: object, text: str) -> None:
    """Print the text and write the JSON.

    If the JSON goes to standard output, the text goes to standard error.

    Raises:
        OutputError: The file cannot be written.
    """
    from pcakd.utils.files import write_text

    document = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    if path == STANDARD_OUTPUT:
        sys.stdout.write(document)
        sys.stderr.write(text + "\n")
        return
    if path is not None:
        write_text(path, document)
    sys.stdout.write(text + "\n")
