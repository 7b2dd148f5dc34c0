"""Options that several commands share, and a parser whose errors are one line."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from pcakd.backbones import Backbone, create_backbone, get_backbone_entry, list_backbones
from pcakd.commands.parser import seed
from pcakd.eigenbases import RankRule
from pcakd.errors import ConfigError

N = TypeVar("N", int, float)
_WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}

DEFAULT_MCEV = 0.85  # of backbones that the paper has no ranks for


def add_device(
    parser: argparse.ArgumentParser, *, seeds: str = "photographs, weights and crops"
) -> None:
    """Add ``--device`` and ``--seed``, which decides ``seeds``."""
    parser.add_argument(
        "--device", default="auto", help="cpu, cuda, cuda:N, mps or auto (default: auto)"
    )
    parser.add_argument("--seed", type=seed, default=0, help=f"of {seeds} (default: 0)")


def resolve_device(name: str) -> torch.device:
    """Turn ``auto`` or a device's name into a device that is there.

    Raises:
        ConfigError: The name is not of a device, or the device is not there.
    """
    if name == "auto":
        mps = "mps" if torch.backends.mps.is_available() else "cpu"
        name = "cuda" if torch.cuda.is_available() else mps
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        known = "cpu, cuda, cuda:N, mps or auto"
        raise ConfigError(f"device {name!r} cannot be used here; use {known}") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise ConfigError(f"device {name!r} cannot compute; use cpu, cuda, cuda:N, mps or auto")
    return device


def add_teacher(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a teacher and its weights."""
    parser.add_argument(
        "--backbone",
        required=True,
        metavar="B",
        help=f"teacher: {', '.join(list_backbones())}, or timm/NAME (extra timm)",
    )
    parser.add_argument(
        "--weights",
        metavar="W",
        help="weight set (pcakd list shows them; timm downloads timm's), a file of the first set "
        "(of timm/NAME any safetensors in timm's names), or SET=FILE "
        "(default: the backbone's first set)",
    )


def create_teacher(args: argparse.Namespace) -> Backbone:
    """Build the teacher that the options name.

    Raises:
        PcakdError: The name or the weights are not to be had.
    """
    weight_set, path = split_weights(args.weights, args.backbone)
    return create_backbone(args.backbone, weight_set=weight_set, path=path, seed=args.seed)


def split_weights(text: str | None, backbone: str) -> tuple[str | None, Path | None]:
    """Tell the name of a weight set from the path of a file; ``SET=PATH`` gives both."""
    if text is None:
        return None, None
    known = get_backbone_entry(backbone).weight_sets
    name, equals, path = text.partition("=")
    if equals and name in known:
        return name, Path(path)
    is_path = text not in known and (Path(text).suffix or "/" in text)
    return (None, Path(text)) if is_path else (text, None)


def add_ranks(parser: argparse.ArgumentParser) -> None:
    """Add the three rank rules, of which one may be given."""
    rules = parser.add_mutually_exclusive_group()
    rules.add_argument(
        "--ranks",
        metavar="K1,K2,K3,K4",
        help=f"explicit ranks (default: the paper's, for other backbones --mcev {DEFAULT_MCEV})",
    )
    rules.add_argument(
        "--mcev",
        type=float,
        metavar="SHARE",
        help="smallest ranks whose mean cumulative explained variance reaches SHARE",
    )
    rules.add_argument(
        "--explained",
        type=float,
        metavar="SHARE",
        help="smallest ranks whose global basis explains SHARE",
    )


def rank_rule(args: argparse.Namespace) -> RankRule:
    """Return the rule that the options give, or the backbone's default one.

    Raises:
        ConfigError: The ranks are not four positive integers within the teacher's widths, or a
            target is out of range.
    """
    entry = get_backbone_entry(args.backbone)
    if args.mcev is not None or args.explained is not None:
        return RankRule(mcev=args.mcev, explained=args.explained)
    if args.ranks is None:
        return RankRule(ranks=entry.ranks) if entry.ranks else RankRule(mcev=DEFAULT_MCEV)
    ranks = four_integers("--ranks", args.ranks)
    if any(rank > width for rank, width in zip(ranks, entry.widths, strict=True)):
        raise ConfigError(f"--ranks {args.ranks} exceeds the widths of the taps, {entry.widths}")
    return RankRule(ranks=ranks)


def four_rates(option: str, text: str) -> tuple[float, float, float, float]:
    """Read four learning rates ``A,B,C,D``, or ``A`` for all four.

    Raises:
        ConfigError: The text is something else; their range is the recipe's to check.
    """
    first, second, third, fourth = read_numbers(option, text, float, 4, repeat=True)
    return first, second, third, fourth


def four_integers(option: str, text: str) -> tuple[int, int, int, int]:
    """Read ``A,B,C,D``, or ``A`` for all four.

    Raises:
        ConfigError: The text is something else, or a number is not positive.
    """
    first, second, third, fourth = numbers = read_numbers(option, text, int, 4, repeat=True)
    if min(numbers) < 1:
        raise ConfigError(f"{option} takes positive integers, got {text!r}")
    return first, second, third, fourth


def read_numbers(
    option: str, text: str, kind: Callable[[str], N], count: int, *, repeat: bool = False
) -> tuple[N, ...]:
    """Read ``count`` numbers with commas between them.

    Args:
        option: Whose value it is.
        text: The value.
        kind: ``int`` or ``float``.
        count: How many there are.
        repeat: Whether one number may stand for all.

    Raises:
        ConfigError: The text is something else.

    >>> read_numbers("--zoom", "112,352", int, 2)
    (112, 352)
    """
    try:
        numbers = tuple(kind(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if repeat and len(numbers) == 1:
        numbers *= count
    if len(numbers) != count:
        what = "integer" if kind is int else "number"
        example = ",".join("123456"[:count])
        wanted = (
            f"one {what}, or {_WORDS[count]}"
            if repeat
            else f"{_WORDS[count]} {what}{'s' * (count > 1)}"
        )
        raise ConfigError(f"{option} takes {wanted} like {example}, got {text!r}")
    return numbers
