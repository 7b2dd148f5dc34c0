"""``pcakd eigenbases``: fit the global eigenbases of a teacher on a folder of photographs."""

import argparse
import hashlib
from pathlib import Path

from tabulate import tabulate
from torch import Tensor
from tqdm import tqdm

from pcakd.backbones import (
    Backbone,
    get_backbone_entry,
    load_backbone,
    measure_channel_means,
    normalize_activations,
)
from pcakd.commands.options import add_device, add_ranks, add_teacher, announce_teacher, rank_rule
from pcakd.commands.parser import add_example, path_argument
from pcakd.eigenbases import fit_eigenbases, save_eigenbases
from pcakd.eigenbases.sources import DEFAULT_CROP, read_batches
from pcakd.errors import ConfigError
from pcakd.images import list_images
from pcakd.utils.devices import resolve_device
from pcakd.utils.extras import check_extra
from pcakd.utils.files import require_safetensors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_teacher(parser)
    parser.add_argument(
        "--data", required=True, type=path_argument, metavar="DIR", help="folder of photographs"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=path_argument,
        metavar="FILE",
        help="the .safetensors file to write",
    )
    parser.add_argument(
        "--images",
        type=int,
        default=500,
        metavar="N",
        help="number of photographs to use, evenly spaced by name (default: 500)",
    )
    add_ranks(parser)
    add_device(parser, seeds="random weights of the backbone tiny")
    add_example(
        parser,
        "pcakd eigenbases --backbone mobilenet_v1 --data photos/ --mcev 0.85 -o bases.safetensors",
    )


def run(args: argparse.Namespace) -> int:
    """Fit and write the eigenbases, and print how much variance each rank explains."""
    check_extra("train", "pcakd eigenbases")
    require_safetensors(args.output)
    if args.images < 1:
        raise ConfigError(f"--images must be at least 1, got {args.images}")
    announce_teacher(args.backbone)
    entry = get_backbone_entry(args.backbone)
    rule = rank_rule(args)
    device = resolve_device(args.device)
    photos = list_images(args.data)
    chosen = photos[:: max(1, len(photos) // args.images)][: args.images]
    teacher = load_backbone(args.backbone, weights=args.weights, device=device, seed=args.seed)
    means = _normalize(teacher, chosen) if entry.normalized else []
    fitted = fit_eigenbases(
        teacher, chosen, ranks=rule.ranks, mcev=rule.mcev, explained=rule.explained, progress=True
    )
    card = {
        "backbone": args.backbone,
        "teacher": teacher.card.sha256 if teacher.card else "seeded",
        "photos": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in photos},
    }
    save_eigenbases(args.output, fitted, channel_means=means, card=card)
    rows = [
        {"tap": tap, "channels": len(e.eigenvalues), "rank": e.rank, "mcev": e.mcev,
         "explained": e.explained}
        for tap, e in zip(entry.taps, fitted, strict=True)
    ]  # fmt: skip
    print(tabulate(rows, headers="keys", floatfmt=".3f"))
    return 0


def _normalize(teacher: Backbone, photos: list[Path]) -> list[Tensor]:
    """Apply Gatys' normalisation and return the channel means."""
    crops = read_batches(photos, teacher, crop=DEFAULT_CROP)
    bar = tqdm(crops, total=len(photos), desc="channel means", unit="image")
    means = measure_channel_means(teacher, bar)
    normalize_activations(teacher, means)
    return means
