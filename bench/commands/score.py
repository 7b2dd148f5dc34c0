"""``bench score``: scores of anyone's stylized images over content-style pairs."""

import argparse
import sys
from pathlib import Path

from bench.commands.scoring import add_shared_arguments, finish, open_shared

EXAMPLE = "bench score --pairs photos/pairs --results outputs/mine --json mine.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    add_shared_arguments(parser)
    parser.add_argument(
        "--results",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of NN.* images, each of the size of its content; its name is the subject's",
    )


def run(args: argparse.Namespace) -> int:
    """Score the images, print their means, and write the rows.

    Raises:
        PcakdError: An option, a file or an image that cannot be used.
    """
    from bench.quality.evaluate import Metrics
    from bench.quality.pairs import find_results
    from bench.quality.scoring import score_results

    device, pairs = open_shared(args)
    results = find_results(args.results, [pair.name for pair in pairs])
    missing = [pair.name for pair in pairs if pair.name not in results]
    if missing:
        sys.stderr.write(f"bench: note: no result for {', '.join(missing)}; means leave them out\n")
    name = args.results.resolve().name
    return finish(args, score_results(name, results, pairs, Metrics(device=device)))
