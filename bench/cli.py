"""``bench``, also ``python -m bench``: each subcommand is a module of `bench.commands`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from pcakd import __version__
from pcakd.commands.parser import OneLineParser, replace_unprintable
from pcakd.errors import PcakdError
from pcakd.utils.deprecation import warn_renamed
from pcakd.utils.extras import check_extra
from pcakd.utils.huge_pages import prefer_huge_pages
from pcakd.utils.out_of_memory import is_out_of_memory
from pcakd.utils.registry import unknown_name
from pcakd.utils.signals import Terminated, clean_termination

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "run": "measure cost and quality of subjects and write a report",
        "ratio": "time two subjects in turn and print the ratio of their speeds",
        "profile": "measure the time breakdown of a subject by section and write a trace",
        "quality": "compute the quality metrics of subjects on image pairs",
        "score": "compute the quality metrics of images that other software made",
        "capacity": "find the largest image of each subject within a memory",
        "selftest": "measure one subject under two names and count how often they disagree",
        "gate": "measure two versions in turn and fail if one is slower, larger or worse",
        "microbench": "run pytest-benchmark's files of two versions in turn and compare",
        "history": "plot a figure over the commits of several run folders",
        "report": "render tables and plots of a run folder",
        "claims": "check the claims of the paper against the records of a run folder",
        "check": "compare parameters and multiply-adds with committed records",
        "train": "train the decoder of a peer network",
        "draw": "draw image pairs from a folder of photographs",
        "duplicates": "find copies of pictures in folders by perceptual hashes",
        "sweep": "distil many students from one plan, evaluate and compare them",
        "card": "write quality metrics or perceptual hashes into the card of a student or peer",
    }
)
_RENAMED: Mapping[str, str] = MappingProxyType(
    {"pair": "ratio", "levers": "sweep", "ablations": "sweep"}
)
"""Commands by their names before 0.2; they keep working for one release."""

_SCRIPT = "pcakd-bench"
_MODULE = "python -m bench"

_BAD_INPUT = 2
_INTERRUPTED = 130
_RESUMABLE = {  # how to continue a command after an interruption
    "run": "`pcakd-bench run … --resume` continues",
    "train": "`pcakd-bench train … --resume` continues",
    "sweep": "the same command continues",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status.

    0 is success, 1 a regression that ``check`` found, 2 bad input (one line on standard error),
    130 Ctrl-C and 143 SIGTERM. Without arguments the help is printed.
    """
    prefer_huge_pages()
    replace_unprintable()
    given = _rename_command(list(sys.argv[1:] if arguments is None else arguments))
    try:
        return _run(given)
    except (PcakdError, OSError) as error:
        return _refuse(str(error))
    except Terminated as signal:
        return _stop(f"stopped by {signal.name}", given, signal.exit_status)
    except KeyboardInterrupt:
        return _stop("interrupted", given, _INTERRUPTED)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return _refuse("out of memory; use smaller images or another --device")


def _stop(event: str, given: Sequence[str], status: int) -> int:
    """Print why the command ends and how to continue it."""
    advice = _RESUMABLE.get(_find_command(given))
    sys.stderr.write(f"bench: {event}{f'; {advice}' if advice else ''}\n")
    return status


def _run(given: Sequence[str]) -> int:
    if given and not given[0].startswith("-") and given[0] not in COMMANDS:
        raise unknown_name("command", given[0], COMMANDS)
    command = _find_command(given)
    if command:  # --help and --version work without the extra
        check_extra("bench", _SCRIPT)
    parser = _create_parser(command)
    if not given:
        parser.print_help()
        return 0
    options = parser.parse_args(given)
    with clean_termination():
        status: int = import_module(f"bench.commands.{options.command}").run(options)
    return status


def _refuse(reason: str) -> int:
    sys.stderr.write(f"bench: error: {reason}\n")
    return _BAD_INPUT


def _find_command(given: Sequence[str]) -> str:
    """Return the command of a command line, or an empty text if it has none."""
    return next((each for each in given if each in COMMANDS), "")


def _rename_command(given: list[str]) -> list[str]:
    """Replace the old name of a command, with a warning."""
    if given and given[0] in _RENAMED:
        name = _RENAMED[given[0]]
        warn_renamed(f"`pcakd-bench {given[0]}`", f"`pcakd-bench {name}`")
        return [name, *given[1:]]
    return given


def _create_parser(chosen: str) -> argparse.ArgumentParser:
    """Build the parser; only the module of the given command is imported."""
    program = _program_name()
    parser = OneLineParser(
        prog=program,
        description="Measures cost and quality of photorealistic style transfer.",
        epilog=f"example: {program} run --profile quick",
    )
    parser.add_argument("--version", action="version", version=f"pcakd-bench {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name == chosen:
            import_module(f"bench.commands.{name}").add_arguments(command)
            command.epilog = (command.epilog or "").replace(_MODULE, program)
    return parser


def _program_name() -> str:
    """Return how this program was started: by its console script or as a module."""
    return _SCRIPT if Path(sys.argv[0]).stem == _SCRIPT else _MODULE
