"""``bench draw``: content-style pairs from a folder of photographs."""

import argparse
import sys
from pathlib import Path

from pcakd.errors import ConfigError, ImageError
from pcakd.files import make_folder, write_atomically


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = "example: python -m bench draw --photos photos/ -o pairs/ --count 40"
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="photographs")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for copies named NN_content.* and NN_style.*; new or empty",
    )
    parser.add_argument("--count", type=int, default=40, metavar="N", help="of pairs (40)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw (0)")
    parser.add_argument(
        "--backbone",
        default="mobilenet_v1",
        metavar="B",
        help="whose features tell which photographs are alike (mobilenet_v1)",
    )


def run(args: argparse.Namespace) -> int:
    """Draw the pairs and copy their photographs.

    Raises:
        PcakdError: An option, a folder or a photograph that cannot be used.
    """
    from bench.quality.draw import draw_pairs
    from pcakd.backbones import create_backbone

    if args.output.is_dir() and any(args.output.iterdir()):
        raise ConfigError(f"{args.output} is not empty; name another folder")
    backbone = create_backbone(args.backbone)
    pairs = draw_pairs(args.photos, backbone, count=args.count, seed=args.seed)
    make_folder(args.output)
    for number, pair in enumerate(pairs):
        for role, photo in (("content", pair.content), ("style", pair.style)):
            _copy(photo, args.output / f"{number:02d}_{role}{photo.suffix}")
        kind = "alike" if pair.alike else "any"
        sys.stdout.write(f"{number:02d}: {pair.content.name} {pair.style.name} ({kind})\n")
    return 0


def _copy(photo: Path, path: Path) -> None:
    try:
        content = photo.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read {photo}: {error.strerror or error}") from error
    with write_atomically(path) as stream:
        stream.write(content)
