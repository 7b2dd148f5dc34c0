"""``pcakd distill``: make a student from a teacher and a folder of photographs."""

import argparse
from pathlib import Path

from pcakd.backbones import get_backbone_entry
from pcakd.commands.options import (
    add_device,
    add_ranks,
    add_teacher,
    four_integers,
    rank_rule,
    resolve_device,
    split_weights,
)
from pcakd.commands.parser import add_example
from pcakd.distill.recipe import Recipe
from pcakd.distill.run import Request, distill

_DEFAULTS = Recipe()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_teacher(parser)
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="photographs")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="DIR", help="where all files go"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    add_ranks(parser)
    recipe = parser.add_argument_group("recipe")
    for option, default, text in (
        ("--crop", _DEFAULTS.crop, "side of the training crops in pixels"),
        ("--batch", _DEFAULTS.batch, "crops a step"),
        ("--basis-images", _DEFAULTS.basis_images, "photographs that the eigenbases see"),
        ("--held-out", _DEFAULTS.held_out, "photographs kept to check R² on"),
    ):
        recipe.add_argument(
            option, type=int, default=default, metavar="N", help=f"{text} (default: {default})"
        )
    for phase, steps in (
        ("encoder", _DEFAULTS.encoder_steps),
        ("pair", _DEFAULTS.pair_steps),
    ):
        text = ",".join(map(str, steps))
        recipe.add_argument(
            f"--{phase}-steps",
            default=text,
            metavar="N1,N2,N3,N4",
            help=f"steps of the {phase} phase of blocks 1 to 4, or N for all (default: {text})",
        )
    for option, value, metavar, text in (
        ("--encoder-rate", _DEFAULTS.encoder_rate, "RATE", "peak learning rate, encoder phase"),
        ("--pair-rate", _DEFAULTS.pair_rate, "RATE", "peak learning rate, pair phase"),
    ):
        recipe.add_argument(
            option,
            type=float,
            default=value,
            metavar=metavar,
            help=f"{text} (default: {value})",
        )
    recipe.add_argument(
        "--regularizer",
        type=float,
        metavar="LAMBDA",
        help="of the feature transform, stored in the student; a finished run resumed with another "
        "one only writes the student anew (default: the backbone's, 20 for VGG, 1 for backbones "
        "that the paper does not have)",
    )
    add_device(parser)
    add_example(
        parser,
        "pcakd distill --backbone mobilenet_v1 --data photos/ -o runs/mobilenet_v1",
        "pcakd distill --backbone vgg16 --data photos/ -o runs/vgg16 --resume",
        "pcakd distill --backbone timm/tf_efficientnet_lite0 --data photos/ -o runs/lite0",
    )


def run(args: argparse.Namespace) -> int:
    """Distil and say where the student lies."""
    weight_set, path = split_weights(args)
    request = Request(
        backbone=args.backbone,
        weight_set=weight_set,
        weights_path=path,
        data=args.data,
        output=args.output,
        rule=rank_rule(args),
        recipe=_recipe(args),
        device=resolve_device(args.device),
        resume=args.resume,
    )
    print(f"student: {distill(request)}")
    return 0


def _recipe(args: argparse.Namespace) -> Recipe:
    return Recipe(
        crop=args.crop,
        batch=args.batch,
        basis_images=args.basis_images,
        held_out=args.held_out,
        encoder_steps=four_integers("--encoder-steps", args.encoder_steps),
        pair_steps=four_integers("--pair-steps", args.pair_steps),
        encoder_rate=args.encoder_rate,
        pair_rate=args.pair_rate,
        regularizer=_regularizer(args),
        seed=args.seed,
    )


def _regularizer(args: argparse.Namespace) -> float:
    if args.regularizer is None:
        return get_backbone_entry(args.backbone).regularizer
    return float(args.regularizer)
