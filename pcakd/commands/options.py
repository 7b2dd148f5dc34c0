"""Options that several commands share."""

import argparse
import sys
from collections.abc import Callable
from typing import TypeVar

from pcakd.backbones import get_backbone_entry, list_backbones
from pcakd.commands.parser import seed
from pcakd.eigenbases import DEFAULT_MCEV, RankRule, default_rank_rule
from pcakd.errors import ConfigError
from pcakd.students import BLOCK_TYPES
from pcakd.utils.devices import describe_devices
from pcakd.utils.factories import EXAMPLE, PREFIX

N = TypeVar("N", int, float)
_WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


def add_device(
    parser: argparse.ArgumentParser, *, seeds: str = "photographs, weights and crops"
) -> None:
    """Add ``--device`` and ``--seed``.

    Args:
        parser: The parser of a command.
        seeds: What the seed decides, for the help text.
    """
    parser.add_argument("--device", default="auto", help=describe_devices())
    add_seed(parser, seeds)


def add_seed(parser: argparse.ArgumentParser, seeds: str) -> None:
    """Add ``--seed``; ``seeds`` says in the help text what it decides."""
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help=f"seed of the {seeds} (default: 0)"
    )


def add_teacher(parser: argparse.ArgumentParser) -> None:
    """Add ``--backbone`` and ``--weights``."""
    parser.add_argument(
        "--backbone",
        required=True,
        metavar="B",
        help=f"teacher network: {', '.join(list_backbones())}, timm/NAME (needs the extra timm), "
        f"or {EXAMPLE} (imported; it returns a network and the names of four of its submodules)",
    )
    parser.add_argument(
        "--weights",
        metavar="W",
        help="weights of the teacher: the name of a weight set (`pcakd list` shows them; for "
        "timm/NAME, `timm` downloads the weights that timm would), the path of a file of the "
        "default set (for timm/NAME, any .safetensors file with timm's tensor names), or SET=FILE "
        "(default: the first weight set of the backbone)",
    )


def add_architecture(parser: argparse.ArgumentParser) -> None:
    """Add ``--architecture``."""
    parser.add_argument(
        "--architecture",
        choices=BLOCK_TYPES,
        help="blocks of the student: conv (full 3 x 3 convolutions, two a block) or separable "
        "(depthwise and pointwise ones in encoder and decoder); default: the "
        "paper's for its backbones, otherwise blocks like the teacher's",
    )


def announce_teacher(backbone: str) -> None:
    """Say on standard error which module a teacher of another package comes from."""
    if backbone.startswith(PREFIX):
        module = backbone.removeprefix(PREFIX).partition(":")[0]
        sys.stderr.write(f"importing {module} for backbone {backbone}\n")


def add_ranks(parser: argparse.ArgumentParser) -> None:
    """Add ``--ranks``, ``--mcev`` and ``--explained``; at most one may be given."""
    rules = parser.add_mutually_exclusive_group()
    rules.add_argument(
        "--ranks",
        metavar="K1,K2,K3,K4",
        help="ranks of the four taps (default: the paper's ranks, or --mcev "
        f"{DEFAULT_MCEV} for backbones that are not in the paper)",
    )
    rules.add_argument(
        "--mcev",
        type=float,
        metavar="SHARE",
        help="use the smallest ranks whose mean cumulative explained variance reaches SHARE, "
        "from 0 to 1",
    )
    rules.add_argument(
        "--explained",
        type=float,
        metavar="SHARE",
        help="use the smallest ranks whose basis explains SHARE of the average variance, "
        "from 0 to 1",
    )


def rank_rule(args: argparse.Namespace) -> RankRule:
    """Return the rank rule that the options give, or the default one of the backbone.

    Raises:
        ConfigError: The ranks are not four positive integers, one exceeds the channels of its tap,
            or a target is out of range.
        UnknownNameError: There is no such backbone.
    """
    if args.mcev is not None or args.explained is not None:
        return RankRule(mcev=args.mcev, explained=args.explained)
    if args.ranks is None:
        return default_rank_rule(args.backbone)
    rule = RankRule(ranks=four_integers("--ranks", args.ranks))
    rule.require_fit(args.backbone, get_backbone_entry(args.backbone).widths)
    return rule


def four_rates(option: str, text: str) -> tuple[float, float, float, float]:
    """Read four learning rates ``A,B,C,D``, or ``A`` for all four.

    Raises:
        ConfigError: The text is something else. The range of a rate is not checked.
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
    """Read ``count`` numbers, separated by commas.

    Args:
        option: Name of the option, for messages.
        text: Its value.
        kind: ``int`` or ``float``.
        count: How many numbers it takes.
        repeat: Whether a single number is repeated ``count`` times.

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
