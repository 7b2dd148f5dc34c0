"""``bench quality``: quality of subjects over image pairs."""

import argparse
import sys

from bench.commands.results import add_shared_arguments, choose_metrics, finish, open_shared
from pcakd.errors import ConfigError

EXAMPLE = "bench quality --pairs photos/pairs --subjects mobilenet_v1,reinhard --json out.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    add_shared_arguments(parser)
    parser.add_argument(
        "--subjects",
        required=True,
        metavar="A,B",
        help="students and trained peers by name or file, colour transfers, or `content` (the "
        "unchanged content); "
        "add +fp16 or +bf16 for half precision, +int8 for 8-bit integers, and @TRANSFORM for one "
        "transform",
    )
    parser.add_argument(
        "--transforms",
        default="zca",
        metavar="T,U",
        help="feature transforms of the students: zca, ot, adain (default: zca); rows of ot and "
        "adain are named SUBJECT@TRANSFORM",
    )
    parser.add_argument(
        "--multiple-of",
        type=int,
        default=1,
        metavar="N",
        help="resize the images so that their sides are multiples of N, as the authors' demo does "
        "(default: 1, native size)",
    )


def run(args: argparse.Namespace) -> int:
    """Measure the subjects, print their means and write the rows.

    Raises:
        PcakdError: An option, a file or an image cannot be used.
    """
    from bench.plan.factories import announce_imports
    from bench.quality.evaluation import evaluate_subjects, require_quality
    from bench.quality.metrics import Metrics
    from bench.quality.unseen import report_seen
    from bench.subjects import parse_subjects

    device, pairs = open_shared(args)
    announce_imports(_split(args.subjects))
    subjects = parse_subjects(_split(args.subjects), transforms=_split(args.transforms))
    require_quality(subjects)
    names = choose_metrics(args)
    if args.multiple_of < 1:
        raise ConfigError(f"--multiple-of must be 1 or more, got {args.multiple_of}")
    for line in report_seen(_split(args.subjects), pairs):
        sys.stderr.write(f"bench: {line}\n")
    metrics = Metrics(names=names, device=device, multiple_of=args.multiple_of)
    rows = evaluate_subjects(subjects, pairs, metrics, device=device, multiple_of=args.multiple_of)
    return finish(args, rows)


def _split(text: str) -> list[str]:
    """Split a list at its commas; spaces around entries and empty entries are dropped."""
    return [part.strip() for part in text.split(",") if part.strip()]
