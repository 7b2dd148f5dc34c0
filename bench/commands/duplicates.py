"""``bench duplicates``: pictures of folders that are copies of each other, by perceptual hashes."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pcakd.commands.parser import path_argument

if TYPE_CHECKING:
    from torch import Tensor

EXAMPLE = "bench duplicates photos/train photos/val --copies"
_STEP = 10  # of photographs whose copies are measured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "folders", nargs="+", type=path_argument, metavar="DIR", help="folders of pictures"
    )
    parser.add_argument(
        "--copies",
        action="store_true",
        help=f"also make copies of every {_STEP}th picture (re-encoded, resized, mirrored, cropped "
        "by 2 %% a side) and print how far their hashes are from the picture's",
    )


def run(args: argparse.Namespace) -> int:
    """Print pictures that count as the same, their share of all comparisons, and distances.

    Raises:
        PcakdError: A folder or a picture cannot be read.
    """
    from tqdm import tqdm

    from bench.quality.unseen import find_nearest
    from pcakd.images import list_images, load_image
    from pcakd.images.perceptual import MAX_DISTANCE, NUM_BITS, hash_picture

    paths = [path for folder in args.folders for path in list_images(folder)]
    kept, plain, mirrored = [], [], []
    copies: dict[str, list[int]] = {}
    for number, path in enumerate(tqdm(paths, desc="perceptual hashes", unit="photo")):
        image = load_image(path)
        own, turned = hash_picture(image), hash_picture(image.flip(-1))
        if own is None or turned is None:
            continue
        kept.append(path)
        plain.append(own)
        mirrored.append(turned)
        if args.copies and number % _STEP == 0:
            for kind, distance in _copy_distances(image, own):
                copies.setdefault(kind, []).append(distance)
    total, found, least = 0, 0, NUM_BITS
    for index, distances in find_nearest(plain, mirrored):
        total += len(distances)
        least = min(least, int(distances.min()))
        for offset in (distances <= MAX_DISTANCE).nonzero()[0]:
            found += 1
            other = kept[index + 1 + int(offset)]
            sys.stdout.write(f"{kept[index]} {other}: {distances[offset]} bits\n")
    sys.stdout.write(
        f"{len(kept)} pictures, {len(paths) - len(kept)} more of one colour; {found} of {total} "
        f"comparisons differ in at most {MAX_DISTANCE} of {NUM_BITS} bits; least distance {least}\n"
    )
    for kind, values in copies.items():
        missed = sum(value > MAX_DISTANCE for value in values)
        sys.stdout.write(
            f"copies ({kind}) of {len(values)} pictures: at most {max(values)} bits, "
            f"{missed} missed\n"
        )
    return 0


def _copy_distances(image: "Tensor", own: str) -> Iterator[tuple[str, int]]:
    """Yield a kind of copy and the distance of its hash, mirrored or not."""
    from pcakd.images.perceptual import count_differing_bits, hash_picture, unpack_hashes

    known = unpack_hashes([own])
    for kind, copy in _make_copies(image):
        hashes = [each for each in (hash_picture(copy), hash_picture(copy.flip(-1))) if each]
        yield kind, int(count_differing_bits(unpack_hashes(hashes), known).min())


def _make_copies(image: "Tensor") -> Iterator[tuple[str, "Tensor"]]:
    from torch.nn.functional import interpolate

    def scale(factor: float) -> "Tensor":
        size = [max(8, round(side * factor)) for side in image.shape[-2:]]
        return interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]

    yield "JPEG of quality 40", _encode(image)
    yield "half the size", scale(0.5)
    yield "twice the size", scale(2.0)
    yield "64 pixels wide", scale(64 / image.shape[-1])
    yield "half the size, JPEG of quality 40", _encode(scale(0.5))
    yield "mirrored", image.flip(-1)
    height, width = image.shape[-2:]
    top, left = height // 50, width // 50
    yield "cropped by 2 % a side", image[:, top : height - top, left : width - left]


def _encode(image: "Tensor") -> "Tensor":
    """Return an image as it is after JPEG compression of quality 40."""
    import tempfile

    from pcakd.images import load_image, save_image

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "copy.jpg"
        save_image(path, image, quality=40, icc=False)
        return load_image(path)
