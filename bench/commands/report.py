"""``bench report``: tables, plots and a page from the records of a run."""

import argparse
import sys

from pcakd.commands.parser import path_argument

EXAMPLE = "bench report reports/cpu"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "folder",
        type=path_argument,
        nargs="?",
        metavar="DIR",
        help="folder with the records.jsonl of a run, the gates.jsonl of `gate --self-test`, or "
        "the records of a sweep",
    )
    target.add_argument(
        "--results-table",
        type=path_argument,
        metavar="FILE",
        help="in place of a report, update the results table in this Markdown file (README.md) "
        "from the folder reports beside it",
    )


def run(args: argparse.Namespace) -> int:
    """Render the report into its folder, or update a results table, and print its path.

    Raises:
        PcakdError: There are no records, one is damaged, or a file cannot be read or written.
    """
    if args.results_table is not None:
        from bench.report.headline import update_results_table

        update_results_table(args.results_table)
        sys.stdout.write(f"{args.results_table}\n")
        return 0
    from bench.report.render import render_report
    from bench.sweeps.page import holds_sweep, write_report

    render = write_report if holds_sweep(args.folder) else render_report
    sys.stdout.write(f"{render(args.folder)}\n")
    return 0
