"""``bench report``: tables, plots and a page from the records of a run."""

import argparse
import sys
from pathlib import Path

EXAMPLE = "bench report reports/cpu"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="folder with the records.jsonl of a run"
    )


def run(args: argparse.Namespace) -> int:
    """Render the report into the folder and print its path.

    Raises:
        PcakdError: There are no records, a record is damaged, or the folder cannot be written.
    """
    from bench.report.render import render_report

    sys.stdout.write(f"{render_report(args.folder)}\n")
    return 0
