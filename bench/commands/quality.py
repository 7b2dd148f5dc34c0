"""``bench quality``: scores of subjects over content-style pairs."""

import argparse

from bench.commands.scoring import add_shared_arguments, finish, open_shared
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
        help="shipped students, colour transfers, content, or student files; each may "
        "end in +fp16 or +bf16, and in @TRANSFORM",
    )
    parser.add_argument(
        "--transforms",
        default="zca",
        metavar="T,U",
        help="feature transforms of the students: zca, ot, adain (default: zca); rows of the other "
        "two are named SUBJECT@TRANSFORM",
    )
    parser.add_argument(
        "--multiple-of",
        type=int,
        default=1,
        metavar="N",
        help="resize pairs so that both sides are multiples of N, as the authors' demo does "
        "(default: 1, native size)",
    )


def run(args: argparse.Namespace) -> int:
    """Score the subjects, print their means, and write the rows.

    Raises:
        PcakdError: An option, a file or an image that cannot be used.
    """
    from bench.quality.evaluate import Metrics
    from bench.quality.scoring import require_quality, score_subjects
    from bench.subjects import parse_subjects

    device, pairs = open_shared(args)
    subjects = parse_subjects(_split(args.subjects), transforms=_split(args.transforms))
    require_quality(subjects)
    if args.multiple_of < 1:
        raise ConfigError(f"--multiple-of must be 1 or more, got {args.multiple_of}")
    metrics = Metrics(device=device, multiple_of=args.multiple_of)
    rows = score_subjects(subjects, pairs, metrics, device=device, multiple_of=args.multiple_of)
    return finish(args, rows)


def _split(text: str) -> list[str]:
    """Cut a list at its commas; spaces around the parts and empty parts do not count."""
    return [part.strip() for part in text.split(",") if part.strip()]
