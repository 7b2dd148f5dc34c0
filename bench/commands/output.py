"""Shared by the commands that print one JSON document."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STANDARD_OUTPUT = Path("-")


def add_json_argument(
    parser: argparse.ArgumentParser, content: str, *, required: bool = False
) -> None:
    """Declare ``--json``; without a file it means standard output."""
    parser.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=STANDARD_OUTPUT,
        metavar="OUT",
        required=required,
        help=f"file for {content}; without a file, or with -, they go to standard output and the "
        "text to standard error",
    )


@contextmanager
def open_run_folder(chosen: Path | None) -> Iterator[Path]:
    """Yield the folder for records, created if needed; without one, a temporary folder.

    Raises:
        OutputError: It cannot be created.
    """
    from pcakd.utils.files import make_folder

    if chosen is not None:
        make_folder(chosen)
        yield chosen
        sys.stderr.write(f"records: {chosen}; `python -m bench report {chosen}` shows them\n")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield Path(folder)


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
