"""``bench microbench``: the micro-benchmarks of two versions in turn, with a gate's verdicts."""

import argparse
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.output import add_json_argument, write_json
from pcakd.commands.parser import path_argument, text_argument
from pcakd.errors import ConfigError

if TYPE_CHECKING:
    from bench.gate.cases import GateResult

EXAMPLE = "bench microbench --against main tests/microbench/bench_linalg.py"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "files", nargs="+", type=path_argument, metavar="FILE", help="files of pytest-benchmark"
    )
    parser.add_argument(
        "--against",
        required=True,
        type=text_argument,
        metavar="BASE",
        help="a git revision or a folder of code",
    )
    parser.add_argument("-k", metavar="EXPRESSION", help="only benchmarks that match, as in pytest")
    parser.add_argument(
        "--margin", type=float, default=0.1, help="margin of equivalence (default: 0.1)"
    )
    parser.add_argument(
        "--launches",
        type=int,
        default=12,
        metavar="N",
        help="the most runs of pytest (default: 12)",
    )
    parser.add_argument(
        "--budget", type=float, default=1800.0, metavar="S", help="seconds (default: 1800)"
    )
    parser.add_argument(
        "--install", action="append", metavar="ARG", help="what pip installs (default: .)"
    )
    parser.add_argument(
        "--out",
        type=path_argument,
        default=Path(".benchmarks/against"),
        metavar="DIR",
        help="folder for pytest-benchmark's JSON files, which `pytest-benchmark compare` reads "
        "(default: .benchmarks/against)",
    )
    add_json_argument(parser, "all results with every sample")


def run(args: argparse.Namespace) -> int:
    """Run both sides, print the verdicts, and return the exit status of a gate.

    Raises:
        PcakdError: An option, a revision or a file cannot be used.
    """
    from bench.gate.render import to_json, to_table
    from pcakd.utils.files import make_folder

    for name, value, least in (("--margin", args.margin, 0), ("--budget", args.budget, 0)):
        if not least < value < math.inf:
            raise ConfigError(f"{name} must be above {least}, got {value:g}")
    if args.launches < 4:
        raise ConfigError(f"--launches must be 4 or more, got {args.launches}")
    for file in args.files:
        if not file.is_file():
            raise ConfigError(f"{file} is not a file; name a file of pytest-benchmark")
    make_folder(args.out)
    result = _compare(args)
    status = result.exit_status()
    write_json(args.json, to_json(result, status=status), to_table(result, status=status))
    return status


def _compare(args: argparse.Namespace) -> "GateResult":
    from tqdm import tqdm

    from bench.gate.cases import GateCase
    from bench.gate.checkouts import BuildError, find_repository, find_revision
    from bench.gate.config import GateConfig
    from bench.gate.microbench import compare_microbench
    from bench.gate.sides import fail_build, open_sides

    root = find_repository(Path.cwd())
    folder = Path(args.against)
    base = folder.resolve() if folder.is_dir() else find_revision(root, args.against)
    with tqdm(total=args.launches, desc="build both sides", unit="launch", disable=None) as bar:
        try:
            with open_sides(root, base, install=args.install or ["."]) as (first, second, scratch):
                # copies, so that neither the checkout nor its pytest settings are found beside them
                copies = scratch / "microbench"
                copies.mkdir()
                for source in {path.parent for path in args.files}:
                    for file in source.glob("*.py"):
                        shutil.copy(file, copies / file.name)
                return compare_microbench(
                    {"base": first, "head": second},
                    [copies / path.name for path in args.files],
                    options=["-k", args.k] if args.k else [],
                    folder=args.out.resolve(),
                    margin=args.margin,
                    error=GateConfig().error,
                    max_launches=args.launches,
                    seconds=args.budget,
                    bar=bar,
                )
        except BuildError as error:
            cases = [GateCase(kind="microbench", subject=path.name) for path in args.files]
            return fail_build(cases, error, base=args.against)
