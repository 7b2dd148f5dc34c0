"""``pcakd eigenbases``: fit the global eigenbases of a teacher on a folder of photographs."""

import argparse
from pathlib import Path

from tabulate import tabulate

from pcakd.backbones import get_backbone_entry
from pcakd.commands.options import (
    add_device,
    add_ranks,
    add_teacher,
    create_teacher,
    rank_rule,
    resolve_device,
)
from pcakd.commands.parser import add_example
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.eigenbases import fit_eigenbases
from pcakd.eigenbases import save_eigenbases
from pcakd.errors import ConfigError
from pcakd.utils.extras import check_extra
from pcakd.utils.files import require_parent


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_teacher(parser)
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="photographs")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="FILE", help="a .safetensors file"
    )
    parser.add_argument(
        "--images", type=int, default=500, metavar="N", help="photographs at most (default: 500)"
    )
    add_ranks(parser)
    add_device(parser)
    add_example(
        parser,
        "pcakd eigenbases --backbone mobilenet_v1 --data photos/ --mcev 0.85 -o bases.safetensors",
    )


def run(args: argparse.Namespace) -> int:
    """Fit, write and print what each rank explains."""
    check_extra("train", "pcakd eigenbases")
    require_parent(args.output)
    if args.images < 1:
        raise ConfigError(f"--images must be at least 1, got {args.images}")
    entry = get_backbone_entry(args.backbone)
    rule = rank_rule(args)
    device = resolve_device(args.device)
    photos = Photos(args.data, held_out=0, seed=args.seed)
    teacher = create_teacher(args).to(device)
    fitted, means = fit_eigenbases(
        teacher, photos, rule=rule, images=args.images, device=device, normalized=entry.normalized
    )
    weights = teacher.card
    card = {
        "backbone": args.backbone,
        "teacher": weights.sha256 if weights else "seeded",
        "photos": photos.manifest(),
    }
    save_eigenbases(args.output, fitted, channel_means=means, card=card)
    rows = [
        {"tap": tap, "channels": len(e.eigenvalues), "rank": e.rank, "mcev": e.mcev,
         "explained": e.explained}
        for tap, e in zip(entry.taps, fitted, strict=True)
    ]  # fmt: skip
    print(tabulate(rows, headers="keys", floatfmt=".3f"))
    return 0
