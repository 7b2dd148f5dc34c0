"""``bench draw``: draw image pairs from a folder of photographs."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pcakd.commands.parser import path_argument, seed
from pcakd.errors import ConfigError, ImageError, OutputError

if TYPE_CHECKING:
    from bench.quality.draw import DrawnPair

LIST_NAME = "PAIRS.txt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = "example: python -m bench draw --photos photos/ -o pairs/ --count 40"
    parser.add_argument(
        "--photos", type=path_argument, required=True, metavar="DIR", help="folder of photographs"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=path_argument,
        required=True,
        metavar="DIR",
        help="new or empty folder for the copies NN_content.* and NN_style.*, and their list",
    )
    parser.add_argument(
        "--count", type=int, default=40, metavar="N", help="number of image pairs (default: 40)"
    )
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="seed of the draw (default: 0)"
    )
    parser.add_argument(
        "--backbone",
        default="mobilenet_v1",
        metavar="B",
        help="network whose features measure similarity (default: mobilenet_v1)",
    )


def run(args: argparse.Namespace) -> int:
    """Draw the image pairs and copy their photographs.

    Raises:
        PcakdError: An option, a folder or a photograph cannot be used.
    """
    from bench.quality.draw import draw_pairs
    from bench.quality.pairs import describe_pair, find_pairs
    from pcakd.backbones import load_backbone

    output = args.output.resolve()
    empty = output.is_dir() and not any(output.iterdir())
    if output.exists() and not empty:
        what = "is not empty" if output.is_dir() else "is not a folder"
        raise ConfigError(f"{args.output} {what}; give another folder")
    if not output.parent.is_dir():
        raise OutputError(
            f"cannot write {args.output}: the folder {output.parent} does not exist; create it"
        )
    backbone = load_backbone(args.backbone)
    pairs = draw_pairs(args.photos, backbone, count=args.count, seed=args.seed)
    try:
        place = output if empty else output.parent
        with TemporaryDirectory(prefix=".draw-", dir=place) as name:
            folder = Path(name) / output.name
            folder.mkdir()
            lines = [_copy(folder, pair) for pair in pairs]
            for drawn in find_pairs(folder):
                describe_pair(drawn, max_side=0)  # an image that is too small is an error
            (folder / LIST_NAME).write_text("".join(lines), encoding="utf-8")
            if empty:  # the folder itself stays: it may be a mount point
                for path in sorted(folder.iterdir()):  # the list last
                    path.replace(output / path.name)
            else:
                folder.replace(output)
    except OSError as error:
        raise OutputError(f"cannot write {args.output}: {error.strerror or error}") from error
    sys.stdout.write("".join(lines))
    return 0


def _copy(folder: Path, pair: "DrawnPair") -> str:
    """Copy the photographs of an image pair and return its line of the list."""
    for role, photo in (("content", pair.content), ("style", pair.style)):
        try:
            content = photo.read_bytes()
        except OSError as error:
            raise ImageError(f"cannot read {photo}: {error.strerror or error}") from error
        (folder / f"{pair.name}_{role}{photo.suffix}").write_bytes(content)
    kind = "alike" if pair.similar else "any"
    return f"{pair.name}: {pair.content.name} {pair.style.name} ({kind})\n"
