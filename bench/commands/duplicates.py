"""``bench duplicates``: pictures of folders that are copies of each other, by perceptual hashes."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.output import add_json_argument, write_json
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
    add_json_argument(parser, "counts and distances, with commit and machine")


def run(args: argparse.Namespace) -> int:
    """Print pictures that count as the same, their share of all comparisons, and distances.

    Raises:
        PcakdError: A folder or a picture cannot be read, or the file of ``--json`` not written.
    """
    import torch

    from bench.machine.environment import describe_environment
    from pcakd.utils.files import require_output
    from pcakd.utils.git import git_state

    if args.json is not None:
        require_output(args.json, ".json")
    found = _compare(args.folders, with_copies=args.copies)
    commit, dirty = git_state()
    record = {
        **asdict(found),
        "commit": commit,
        "dirty": dirty,
        "environment": describe_environment(torch.device("cpu")),
    }
    write_json(args.json, record, _as_text(found))
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copies:
    """Copies of one kind: how many, their largest distance in bits, and how many are not found."""

    num_pictures: int
    largest_distance: int
    num_missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the comparisons found.

    Attributes:
        num_pictures: Pictures with perceptual hashes.
        num_plain: Pictures of one colour, which have none.
        num_comparisons: Of each picture with each other one, as it is or mirrored.
        alike: Two paths and their distance in bits, for pictures that count as the same.
        least_distance: Over all comparisons, in bits.
        num_bits: Of a hash.
        most_distance: Largest distance in bits of pictures that count as the same.
        copies: By kind.
    """

    num_pictures: int
    num_plain: int
    num_comparisons: int
    alike: list[tuple[str, str, int]]
    least_distance: int
    num_bits: int
    most_distance: int
    copies: dict[str, _Copies]


def _compare(folders: list[Path], *, with_copies: bool) -> _Found:
    from tqdm import tqdm

    from bench.quality.unseen import find_nearest
    from pcakd.images import list_images, load_image
    from pcakd.images.perceptual import MAX_DISTANCE, NUM_BITS, hash_picture

    paths = [path for folder in folders for path in list_images(folder)]
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
        if with_copies and number % _STEP == 0:
            for kind, distance in _copy_distances(image, own):
                copies.setdefault(kind, []).append(distance)
    total, alike, least = 0, [], NUM_BITS
    for index, distances in find_nearest(plain, mirrored):
        total += len(distances)
        least = min(least, int(distances.min()))
        for offset in (distances <= MAX_DISTANCE).nonzero()[0]:
            other = kept[index + 1 + int(offset)]
            alike.append((str(kept[index]), str(other), int(distances[offset])))
    return _Found(
        num_pictures=len(kept),
        num_plain=len(paths) - len(kept),
        num_comparisons=total,
        alike=alike,
        least_distance=least,
        num_bits=NUM_BITS,
        most_distance=MAX_DISTANCE,
        copies={
            kind: _Copies(
                num_pictures=len(values),
                largest_distance=max(values),
                num_missed=sum(value > MAX_DISTANCE for value in values),
            )
            for kind, values in copies.items()
        },
    )


def _as_text(found: _Found) -> str:
    lines = [f"{first} {second}: {distance} bits" for first, second, distance in found.alike]
    lines.append(
        f"{found.num_pictures} pictures, {found.num_plain} more of one colour; {len(found.alike)} "
        f"of {found.num_comparisons} comparisons differ in at most {found.most_distance} of "
        f"{found.num_bits} bits; least distance {found.least_distance}"
    )
    lines += [
        f"copies ({kind}) of {copies.num_pictures} pictures: at most {copies.largest_distance} "
        f"bits, {copies.num_missed} missed"
        for kind, copies in found.copies.items()
    ]
    return "\n".join(lines)


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
