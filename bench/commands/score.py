"""``bench score``: scores of anyone's stylized images over content-style pairs."""

import argparse
import sys
from pathlib import Path

EXAMPLE = "bench score --pairs photos/pairs --results outputs/mine --json mine.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "--pairs",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of NN_content.* and NN_style.* images",
    )
    parser.add_argument(
        "--results",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of NN.* images, each of the size of its content; its name is the subject's",
    )
    parser.add_argument(
        "--json", type=Path, required=True, metavar="OUT", help="file for the list of rows"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")


def run(args: argparse.Namespace) -> int:
    """Score the images, print their means, and write the rows.

    Raises:
        PcakdError: An option, a file or an image that cannot be used.
    """
    from bench.devices import parse_device
    from bench.quality.evaluate import Metrics
    from bench.quality.pairs import find_pairs, find_results
    from bench.quality.rows import render_means, write_rows
    from bench.quality.scoring import score_results
    from pcakd.files import require_parent

    require_parent(args.json)
    device = parse_device(args.device)
    pairs = find_pairs(args.pairs)
    results = find_results(args.results, [pair.name for pair in pairs])
    missing = [pair.name for pair in pairs if pair.name not in results]
    if missing:
        sys.stderr.write(f"bench: note: no result for {', '.join(missing)}; means leave them out\n")
    name = args.results.resolve().name
    rows = score_results(name, results, pairs, Metrics(device=device))
    write_rows(args.json, rows)
    sys.stdout.write(render_means(rows) + "\n")
    return 0
