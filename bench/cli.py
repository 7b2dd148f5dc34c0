"""``python -m bench``: the command line; each subcommand is a module of `bench.commands`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from pcakd.commands.parser import OneLineParser
from pcakd.errors import PcakdError

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "run": "measure cost and quality of subjects and write a report",
        "quality": "score subjects over content-style pairs",
        "score": "score a folder of anyone's stylized images",
        "report": "render tables and plots of a run folder",
        "check": "compare parameters and multiply-adds with committed records",
        "card": "write scores into the card of a student file",
    }
)
_BAD_INPUT = 2
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status.

    0 is success, 1 a regression that ``check`` found, 2 bad input (one line says which).
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _create_parser(given)
    options = parser.parse_args(given)
    try:
        status: int = import_module(f"bench.commands.{options.command}").run(options)
    except (PcakdError, OSError) as error:
        sys.stderr.write(f"bench: error: {error}\n")
        return _BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("bench: interrupted; `bench run --resume` goes on\n")
        return _INTERRUPTED
    return status


def _create_parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser; only the module of the command that is used is imported."""
    parser = OneLineParser(
        prog="bench",
        description="Measures what photorealistic style transfer costs and how good it is.",
        epilog="example: python -m bench run --profile quick",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        if given and given[0] == name:
            import_module(f"bench.commands.{name}").add_arguments(command)
    return parser
