"""``pcakd distill``: distil a student from a teacher and a folder of photographs."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from pcakd.commands.options import (
    add_architecture,
    add_device,
    add_ranks,
    add_teacher,
    announce_teacher,
    four_integers,
    read_numbers,
)
from pcakd.commands.parser import add_example, path_argument
from pcakd.distillation.config import DistillConfig
from pcakd.distillation.parallel import is_writer, join_group
from pcakd.distillation.recipe import Recipe
from pcakd.distillation.recipes import (
    NUM_ORDERED,
    PHASES,
    change_recipe,
    create_recipe,
    shorten_recipe,
)
from pcakd.distillation.run import distill
from pcakd.distillation.run_files.comparison import describe_reproduction, has_same_weights
from pcakd.errors import ConfigError
from pcakd.students import load_student
from pcakd.students.former_names import RENAMED_SETTINGS
from pcakd.transforms import TRANSFORMS
from pcakd.utils.deprecation import warn_renamed
from pcakd.utils.devices import resolve_device
from pcakd.utils.extras import check_extra
from pcakd.utils.registry import unknown_name

_DEFAULTS = Recipe()
_WEIGHTS = asdict(_DEFAULTS.weights)
_WITH_OPTIONS = ("perceptual", "transform", "average", "basis_images", "held_out")
_SETTINGS = {  # the other numbers of a recipe, which rarely need a change
    field.name: type(field.default)
    for field in fields(Recipe)
    if type(field.default) in (int, float) and field.name not in (*_WITH_OPTIONS, "seed")
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_teacher(parser)
    parser.add_argument(
        "--data",
        required=True,
        type=path_argument,
        metavar="DIR",
        help="folder of photographs to train on",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=path_argument,
        metavar="DIR",
        help="folder for the student, its card, logs and checkpoints",
    )
    parser.add_argument(
        "--name",
        metavar="NAME",
        help="name of the student and of its file (default: the backbone's name)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue from the last checkpoint in --output"
    )
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="try the set-up in a minute or two: 20 small steps a phase, 16 photographs for the "
        "eigenbases, and health checks that only warn; other options still apply",
    )
    parser.add_argument(
        "--compare-with",
        metavar="S",
        help="compare the weights with those of a shipped student or a student file, bit for bit; "
        "the exit status is 1 if they differ",
    )
    add_ranks(parser)
    parser.add_argument(
        "--bases",
        type=path_argument,
        metavar="FILE",
        help="spectra that `pcakd analyze` wrote, to cut the eigenbases out of; without it they "
        "are fitted to photographs of --data",
    )
    add_architecture(parser)
    parser.add_argument(
        "--start",
        metavar="S",
        help="shipped student or student file to start from: its ranks, architecture and "
        "eigenbases stay, and the stylization phase alone trains it",
    )
    parser.add_argument(
        "--low-rank",
        type=float,
        metavar="SHARE",
        help="with --start: replace its convolutions by factors (Tucker-2, SVD) whose rank is this "
        "share of the channels, in (0, 1), before it is trained",
    )
    _add_recipe(parser)
    add_device(parser)
    add_example(
        parser,
        "pcakd distill --backbone mobilenet_v1 --data photos/ -o runs/mobilenet_v1",
        "pcakd distill --backbone vgg16 --data photos/ -o runs/vgg16 --resume",
        "torchrun --nproc-per-node 2 -m pcakd distill --backbone vgg16 --data photos/ -o runs/v",
        "pcakd distill --backbone timm/tf_efficientnet_lite0 --data photos/ -o runs/lite0",
    )


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    recipe = parser.add_argument_group(
        "recipe",
        "E,A,S are values for the phases encoder, autoencoder and stylization;\n"
        "a single value is for all three.",
    )
    for name, text in (
        ("steps", "training steps"),
        ("rate", "peak learning rates"),
        ("batch", "crops per step, over all processes"),
        ("crop", "side of the training crops in pixels"),
    ):
        shown = ",".join(f"{getattr(getattr(_DEFAULTS, phase), name):g}" for phase in PHASES)
        recipe.add_argument(f"--{name}", metavar="E,A,S", help=f"{text} (default: {shown})")
    recipe.add_argument(
        "--zoom",
        metavar="LEAST,MOST",
        help="smallest and largest side, in pixels of the photograph, of the squares that are "
        f"scaled to crops (default: {_DEFAULTS.zoom[0]},{_DEFAULTS.zoom[1]})",
    )
    shown = ",".join(f"{name}={weight:g}" for name, weight in _WEIGHTS.items())
    recipe.add_argument(
        "--loss-weights",
        metavar="NAME=W,…",
        help=f"loss weights of the stylization phase (default: {shown}); or five numbers for "
        f"{', '.join(list(_WEIGHTS)[:NUM_ORDERED])}, the others are then 0",
    )
    recipe.add_argument(
        "--perceptual",
        metavar="B",
        help="backbone of the perceptual losses of the stylization phase, or several joined by + "
        f"(default: {_DEFAULTS.perceptual})",
    )
    recipe.add_argument(
        "--transform",
        choices=TRANSFORMS,
        help=f"feature transform of the stylization phase (default: {_DEFAULTS.transform})",
    )
    for option, kind, text in (
        ("--average", float, "decay of the moving average of weights; 0 keeps the last weights"),
        ("--basis-images", int, "most photographs to fit the eigenbases on"),
        ("--held-out", int, "photographs kept for health checks, at most a tenth of all"),
    ):
        default = getattr(_DEFAULTS, option[2:].replace("-", "_"))
        recipe.add_argument(option, type=kind, metavar="N", help=f"{text} (default: {default})")
    recipe.add_argument(
        "--regularizer",
        metavar="LAMBDA",
        help="λ of the feature transform, stored in the student: one number for all taps, or four "
        f"like 0.3,0.5,1,1 (default: {_DEFAULTS.ridge:g} of the teacher's variance at each tap)",
    )
    recipe.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set another number of the recipe; repeat it for several. Names and defaults: "
        + ", ".join(f"{name} {getattr(_DEFAULTS, name):g}" for name in _SETTINGS),
    )


def run(args: argparse.Namespace) -> int:
    """Distil and print the student's path.

    Under ``torchrun`` each process trains its part of every batch, and the first one writes.
    """
    check_extra("train", "pcakd distill")
    announce_teacher(args.backbone)
    with join_group(os.environ, resolve_device(args.device)) as device:
        config = create_config(args, device=str(device))
        other = load_student(args.compare_with) if args.compare_with else None
        distill(config)
        if is_writer():
            print(f"student: {config.student_path}")
            if other is not None:
                student = load_student(config.student_path)
                print(describe_reproduction(student, other, name=args.compare_with))
                return int(not has_same_weights(student, other))
    return 0


def create_config(args: argparse.Namespace, *, device: str) -> DistillConfig:
    """Build the configuration from the options.

    Raises:
        PcakdError: An option has a bad value.
    """
    recipe = _read_recipe(args)
    return DistillConfig(
        backbone=args.backbone,
        weights=args.weights,
        data=args.data,
        output=args.output,
        name=args.name,
        ranks=None if args.ranks is None else four_integers("--ranks", args.ranks),
        mcev=args.mcev,
        explained=args.explained,
        recipe=recipe,
        device=device,
        resume=args.resume,
        bases=args.bases,
        architecture=args.architecture,
        smoke=args.smoke,
        start=args.start,
        low_rank=args.low_rank,
    )


def _read_recipe(args: argparse.Namespace) -> Recipe:
    """Return the backbone's recipe with the changes of the options.

    Raises:
        ConfigError: An option has a bad value.
    """
    settings = _settings(args.set) | {"seed": args.seed}
    for name in _WITH_OPTIONS:
        if getattr(args, name) is not None:
            settings[name] = getattr(args, name)
    if args.zoom is not None:
        settings["zoom"] = read_numbers("--zoom", args.zoom, int, 2)
    schedules: dict[str, tuple[float, ...]] = {}
    for name, kind in (("steps", int), ("rate", float), ("batch", int), ("crop", int)):
        if (text := getattr(args, name)) is not None:
            schedules[name] = read_numbers(f"--{name}", text, kind, len(PHASES), repeat=True)
    weights, regularizer = args.loss_weights, args.regularizer
    recipe = create_recipe(args.backbone)
    return change_recipe(
        shorten_recipe(recipe) if args.smoke else recipe,
        schedules=schedules,
        loss_weights=weights and _loss_weights(weights),
        regularizer=regularizer
        and read_numbers("--regularizer", regularizer, float, 4, repeat=True),
        settings=settings,
    )


def _loss_weights(text: str) -> Mapping[str, float] | Sequence[float]:
    """Read the value of ``--loss-weights``.

    Raises:
        ConfigError: It is neither numbers by name, each name once, nor five numbers.
        UnknownNameError: There is no such loss.
    """
    if "=" not in text:
        return read_numbers("--loss-weights", text, float, NUM_ORDERED)
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = map(str.strip, part.partition("="))
        if name not in _WEIGHTS:
            raise unknown_name("loss weight", name, _WEIGHTS)
        if name in weights:
            raise ConfigError(f"--loss-weights names {name} twice; name it once")
        (weights[name],) = read_numbers(f"--loss-weights {name}", value, float, 1)
    return weights


def _settings(given: Sequence[str]) -> dict[str, Any]:
    """Read the values of ``--set``.

    Raises:
        ConfigError: A value is not a number.
        UnknownNameError: The recipe has no such number, or the number is set by another option.
    """
    settings: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        if name in RENAMED_SETTINGS:
            warn_renamed(f"--set {name}", f"--set {RENAMED_SETTINGS[name]}")
            name = RENAMED_SETTINGS[name]
        if name not in _SETTINGS:
            raise unknown_name("setting of a recipe", name, _SETTINGS)
        (settings[name],) = read_numbers(f"--set {name}", value, _SETTINGS[name], 1)
    return settings
