"""``bench claims``: check the claims of the paper against the records of a run folder."""

import argparse
from dataclasses import asdict
from textwrap import fill

from bench.commands.output import add_json_argument, write_json
from pcakd.commands.parser import path_argument

EXAMPLE = "bench claims reports/cpu"
_WIDTHS = [26, 12, 14, 16, 20, 14, 44]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "folder", type=path_argument, metavar="DIR", help="run folder, with records.jsonl"
    )
    add_json_argument(parser, "claims, facts and rules")


def run(args: argparse.Namespace) -> int:
    """Write the tables of claims and facts into ``DIR/tables`` and print the claims.

    A claim that is not reproduced is a result, not an error.

    Raises:
        PcakdError: There are no records, one is damaged, or the folder cannot be written.
    """
    from tabulate import tabulate

    from bench.claims.check import check_claims
    from bench.claims.facts import derive_facts
    from bench.claims.verdicts import RULES
    from bench.records.store import read_records
    from bench.report.claims.tables import claims_table
    from bench.report.common.summary import summarize
    from bench.report.render import write_claims
    from pcakd.utils.files import require_output

    if args.json is not None:
        require_output(args.json, ".json")
    summary = summarize(read_records(args.folder))
    path = write_claims(args.folder, summary)
    table = claims_table(summary).cells
    columns = [str(name) for name in table.columns]
    cells = [
        [fill(cell, width) for cell, width in zip(row, _WIDTHS, strict=True)]
        for row in table.to_numpy().tolist()
    ]
    text = tabulate(cells, columns, tablefmt="simple", disable_numparse=True)
    content = {
        "claims": [asdict(row) for row in check_claims(summary.records)],
        "facts": [asdict(fact) for fact in derive_facts(summary.records)],
        "rules": [rule.replace("*", "") for rule in RULES],
    }
    write_json(args.json, content, f"{text}\n\nclaims: {path}")
    return 0
