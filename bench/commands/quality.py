"""``bench quality``: scores of subjects over content-style pairs."""

import argparse
import sys
from pathlib import Path

EXAMPLE = "bench quality --pairs photos/pairs --subjects mobilenet_v1,reinhard --json out.json"


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
        "--subjects",
        required=True,
        metavar="A,B",
        help="shipped students, reinhard, mkl, content, or student files (*.safetensors); each may "
        "end in +fp16 or +bf16, and in @TRANSFORM",
    )
    parser.add_argument(
        "--json", type=Path, required=True, metavar="OUT", help="file for the list of rows"
    )
    parser.add_argument(
        "--transforms",
        default="zca",
        metavar="T,U",
        help="feature transforms of the students: zca, ot, adain (default: zca); rows of the other "
        "two are named SUBJECT@TRANSFORM",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")


def run(args: argparse.Namespace) -> int:
    """Score the subjects, print their means, and write the rows.

    Raises:
        PcakdError: An option, a file or an image that cannot be used.
    """
    from bench.devices import parse_device
    from bench.quality.evaluate import Metrics
    from bench.quality.pairs import find_pairs
    from bench.quality.rows import render_means, write_rows
    from bench.quality.scoring import require_quality, score_subjects
    from bench.subjects import parse_subjects
    from pcakd.files import require_parent

    require_parent(args.json)
    device = parse_device(args.device)
    pairs = find_pairs(args.pairs)
    subjects = parse_subjects(_split(args.subjects), transforms=_split(args.transforms))
    require_quality(subjects)
    rows = score_subjects(subjects, pairs, Metrics(device=device), device=device)
    write_rows(args.json, rows)
    sys.stdout.write(render_means(rows) + "\n")
    return 0


def _split(text: str) -> list[str]:
    """Cut a list at its commas; spaces around the parts and empty parts do not count."""
    return [part.strip() for part in text.split(",") if part.strip()]
