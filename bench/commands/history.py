"""``bench history``: a figure over the commits of several run folders, with its change points."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.options import add_resolution_argument, split_names
from bench.commands.output import add_json_argument, write_json
from pcakd.commands.parser import path_argument
from pcakd.errors import ConfigError

if TYPE_CHECKING:
    from bench.analysis.history import HistoryLine

EXAMPLE = "bench history runs/*/ --subjects vgg16,mobilenet_v1 -o history.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "folders", nargs="+", type=path_argument, metavar="DIR", help="run folders, in any order"
    )
    parser.add_argument(
        "--figure",
        default="latency",
        help="latency, memory or the name of a quality metric (default: latency)",
    )
    parser.add_argument("--subjects", metavar="A,B", help="only these (default: all)")
    add_resolution_argument(parser)
    parser.add_argument(
        "-o", "--output", type=path_argument, metavar="FILE", help="plot, a .png or .svg file"
    )
    add_json_argument(parser, "the lines with all points")


def run(args: argparse.Namespace) -> int:
    """Print the change points of each line, and write the plot.

    Raises:
        PcakdError: A folder or option cannot be used, or no record fits.
    """
    from bench.analysis.history import FIGURES, collect_history
    from bench.records.store import read_records
    from pcakd.utils.files import require_output, write_atomically
    from pcakd.utils.registry import unknown_name
    from pcakd.utils.resolutions import parse_resolution

    if args.figure not in FIGURES:
        raise unknown_name("figure", args.figure, FIGURES)
    if args.output is not None:
        if args.output.suffix not in (".png", ".svg"):
            raise ConfigError(f"{args.output} must end in .png or .svg; rename it")
        require_output(args.output, args.output.suffix)
    subjects = split_names("--subjects", args.subjects) if args.subjects else ()
    name = parse_resolution(args.resolution).name
    records = [record for folder in args.folders for record in read_records(folder)]
    lines = collect_history(records, args.figure, subjects=subjects, resolution=name)
    if not lines:
        raise ConfigError(f"no record of {args.figure} fits; name other folders or subjects")
    if args.output is not None:
        from bench.report.common.figures import encode_figure
        from bench.report.history import draw_history

        kind = args.output.suffix[1:]
        with write_atomically(args.output) as stream:
            stream.write(encode_figure(draw_history(lines, args.figure), kind))
    document = {"figure": args.figure, "lines": [asdict(line) for line in lines]}
    write_json(args.json, document, describe_history(lines, args.output))
    return 0


def describe_history(lines: Sequence["HistoryLine"], output: Path | None) -> str:
    """Return a sentence for each line: where its level changed and by how much."""
    texts = []
    for line in lines:
        machine = f"{line.machine.device_name}, {line.machine.threads} threads"
        name = f"{line.subject} {line.transform} ({line.place}, {machine})"
        texts.append(f"{name}: {len(line.points)} commits, {_describe_changes(line)}")
    return "\n".join([*texts, *([f"plot: {output}"] if output else [])])


def _describe_changes(line: "HistoryLine") -> str:
    from bench.analysis.stats import median

    if not line.change_points:
        return "no change of level"
    borders = [0, *line.change_points, len(line.points)]
    levels = [
        median([point.interval.value for point in line.points[start:end]])
        for start, end in pairwise(borders)
    ]
    return "; ".join(
        f"{100 * (after / before - 1):+.1f} % at {line.points[place].commit}"
        for place, (before, after) in zip(line.change_points, pairwise(levels), strict=True)
    )
