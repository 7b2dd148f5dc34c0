"""``pcakd distill``: make a student from a teacher and a folder of photographs."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch

from pcakd.backbones import split_weights
from pcakd.commands.options import (
    add_device,
    add_ranks,
    add_teacher,
    rank_rule,
    read_numbers,
    resolve_device,
)
from pcakd.commands.parser import add_example
from pcakd.distillation.parallel import is_writer, join_group
from pcakd.distillation.recipe import Recipe, StylizationWeights
from pcakd.distillation.recipes import create_recipe
from pcakd.distillation.run import Request, distill
from pcakd.distillation.run_files.comparison import describe_reproduction, has_same_weights
from pcakd.distillation.schedule import Schedule
from pcakd.students import load_student
from pcakd.utils.extras import check_extra
from pcakd.utils.registry import unknown_name

_PHASES = ("encoder", "autoencoder", "stylization")
_DEFAULTS = Recipe()
_WITH_OPTIONS = ("perceptual", "average", "basis_images", "held_out")
_SETTINGS = {  # the other numbers of a recipe, which few will want to change
    field.name: type(field.default)
    for field in fields(Recipe)
    if type(field.default) in (int, float) and field.name not in (*_WITH_OPTIONS, "seed")
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_teacher(parser)
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="photographs")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="DIR", help="where all files go"
    )
    parser.add_argument(
        "--name", metavar="NAME", help="of the student and its file (default: the backbone's)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--compare-with",
        metavar="S",
        help="a shipped student or a student file: say whether the weights are the same; exit "
        "status 1 if not",
    )
    add_ranks(parser)
    recipe = parser.add_argument_group(
        "recipe",
        "three numbers are of the phases encoder, autoencoder and stylization; one is of all",
    )
    for name, text in (
        ("steps", "optimiser steps"),
        ("rate", "peak learning rates"),
        ("batch", "crops a step, over all processes"),
        ("crop", "side of the training crops in pixels"),
    ):
        shown = ",".join(f"{getattr(getattr(_DEFAULTS, phase), name):g}" for phase in _PHASES)
        recipe.add_argument(
            f"--{name}", metavar="E,A,S", help=f"{text} (default: the backbone's, mostly {shown})"
        )
    recipe.add_argument(
        "--zoom",
        metavar="LEAST,MOST",
        help="sides in pixels of the squares that are scaled to crops "
        f"(default: {_DEFAULTS.zoom[0]},{_DEFAULTS.zoom[1]})",
    )
    shown = ",".join(f"{weight:g}" for weight in asdict(_DEFAULTS.weights).values())
    recipe.add_argument(
        "--loss-weights",
        metavar="W1,…,W5",
        help="of the losses of the stylization phase: style, structure, perceptual, taps and image "
        f"(default: the backbone's, mostly {shown})",
    )
    recipe.add_argument(
        "--perceptual",
        metavar="B",
        help="backbone that compares pictures in the stylization phase "
        f"(default: {_DEFAULTS.perceptual})",
    )
    for option, kind, text in (
        ("--average", float, "decay of the average of weights that training ends with; 0 for none"),
        ("--basis-images", int, "photographs that the eigenbases see, at most"),
        ("--held-out", int, "photographs kept to check R² on, at most a tenth of all"),
    ):
        default = getattr(_DEFAULTS, option[2:].replace("-", "_"))
        recipe.add_argument(option, type=kind, metavar="N", help=f"{text} (default: {default})")
    recipe.add_argument(
        "--regularizer",
        metavar="LAMBDA",
        help="of the feature transform that the student learns to stylize with, stored in it: one "
        "number for all taps, or four like 0.3,0.5,1,1 "
        f"(default: {_DEFAULTS.ridge:g} of the teacher's variance at each tap)",
    )
    recipe.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another number of the recipe; repeat it for several. Names and defaults: "
        + ", ".join(f"{name} {getattr(_DEFAULTS, name):g}" for name in _SETTINGS),
    )
    add_device(parser)
    add_example(
        parser,
        "pcakd distill --backbone mobilenet_v1 --data photos/ -o runs/mobilenet_v1",
        "pcakd distill --backbone vgg16 --data photos/ -o runs/vgg16 --resume",
        "torchrun --nproc-per-node 2 -m pcakd distill --backbone vgg16 --data photos/ -o runs/v",
        "pcakd distill --backbone timm/tf_efficientnet_lite0 --data photos/ -o runs/lite0",
    )


def run(args: argparse.Namespace) -> int:
    """Distil and say where the student lies.

    Under ``torchrun`` every process trains its part of each batch, and the first one writes.
    """
    check_extra("train", "pcakd distill")
    with join_group(os.environ, resolve_device(args.device)) as device:
        request = create_request(args, device)
        other = load_student(args.compare_with) if args.compare_with else None
        path = distill(request)
        if is_writer():
            print(f"student: {path}")
            if other is not None:
                student = load_student(path)
                print(describe_reproduction(student, other, name=args.compare_with))
                return int(not has_same_weights(student, other))
    return 0


def create_request(args: argparse.Namespace, device: torch.device) -> Request:
    """Read what the options ask for.

    Raises:
        PcakdError: An option makes no sense.
    """
    weight_set, path = split_weights(args.weights, args.backbone)
    return Request(
        backbone=args.backbone,
        weight_set=weight_set,
        weights_path=path,
        data=args.data,
        output=args.output,
        name=args.name,
        rule=rank_rule(args),
        recipe=_read_recipe(args),
        device=device,
        resume=args.resume,
    )


def _read_recipe(args: argparse.Namespace) -> Recipe:
    """Change the backbone's recipe as the options say.

    Raises:
        ConfigError: An option is not of its form, or a value makes no sense.
    """
    recipe = create_recipe(args.backbone)
    changes: dict[str, Any] = {
        name: getattr(args, name) for name in _WITH_OPTIONS if getattr(args, name) is not None
    }
    if args.zoom is not None:
        changes["zoom"] = read_numbers("--zoom", args.zoom, int, 2)
    if args.regularizer is not None:
        values = read_numbers("--regularizer", args.regularizer, float, 4, repeat=True)
        changes["regularizer"] = values[0] if len({*values}) == 1 else values
    if args.loss_weights is not None:
        names = asdict(recipe.weights)
        weights = read_numbers("--loss-weights", args.loss_weights, float, len(names))
        changes["weights"] = StylizationWeights(**dict(zip(names, weights, strict=True)))
    for phase, schedule in zip(_PHASES, _schedules(args, recipe), strict=True):
        changes[phase] = schedule
    return replace(recipe, **_settings(args.set), **changes, seed=args.seed)


def _settings(given: Sequence[str]) -> dict[str, Any]:
    """Read the values of ``--set``.

    Raises:
        ConfigError: A value is not a number.
        UnknownNameError: The recipe has no such number, or it has an option of its own.
    """
    settings: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in _SETTINGS:
            raise unknown_name("setting of a recipe", name, _SETTINGS)
        (settings[name],) = read_numbers(f"--set {name}", value, _SETTINGS[name], 1)
    return settings


def _schedules(args: argparse.Namespace, recipe: Recipe) -> list[Schedule]:
    schedules: list[Schedule] = [getattr(recipe, phase) for phase in _PHASES]
    for name, kind in (("steps", int), ("rate", float), ("batch", int), ("crop", int)):
        text = getattr(args, name)
        if text is not None:
            numbers = read_numbers(f"--{name}", text, kind, len(_PHASES), repeat=True)
            schedules = [
                replace(each, **{name: number})  # type: ignore[arg-type]
                for each, number in zip(schedules, numbers, strict=True)
            ]
    return schedules
