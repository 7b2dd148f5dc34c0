"""The command line ``pcakd``."""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from types import MappingProxyType

from pcakd import __version__
from pcakd.errors import PcakdError
from pcakd.utils.out_of_memory import is_out_of_memory
from pcakd.utils.registry import unknown_name
from pcakd.utils.signals import Terminated, clean_termination

_TURN_SECONDS = 5.0
"""How long the other processes of a distributed training wait before they print an error. The
first one usually has the same error; it prints it, and ``torchrun`` ends the others."""

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "stylize": "give photographs the style of another photograph",
        "style": "save the style of photographs in a file, and mix such files",
        "lut": "write a look-up table of colours that does what a student did to photographs",
        "list": "list shipped students, backbones, weight sets and transforms",
        "distill": "train a student from a teacher and a folder of photographs",
        "eigenbases": "compute the global eigenbases of a teacher",
        "analyze": "measure spectra and costs of a teacher's students before any training",
        "plan": "choose the ranks of a student under budgets of latency, memory or size",
        "import-authors": "convert a student that the authors of PCA-KD published",
    }
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; without one, print help.

    Returns:
        0; 1 where two things that are compared differ; 2 after bad input, with one line on standard
        error; 130 after Ctrl-C; 143 after SIGTERM.
    """
    from pcakd.commands.parser import replace_unprintable
    from pcakd.utils.huge_pages import prefer_huge_pages

    prefer_huge_pages()
    replace_unprintable()
    try:
        args = _parse(list(sys.argv[1:] if argv is None else argv))
        with _termination():
            return int(args.run(args))
    except (PcakdError, OSError) as error:  # OSError: for example a path that is too long
        if os.environ.get("RANK", "0") != "0":
            time.sleep(_TURN_SECONDS)
        return _fail(f"error: {error}", 2)
    except Terminated as signal:
        return _fail(f"stopped by {signal.name}", signal.exit_status)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return _fail("error: out of memory; use smaller images or another --device", 2)


def _termination() -> AbstractContextManager[None]:
    """Let SIGTERM clean up, but not in the processes of ``torchrun``, which may wait for others."""
    return nullcontext() if "RANK" in os.environ else clean_termination()


def _fail(message: str, status: int) -> int:
    print(f"pcakd: {message}", file=sys.stderr)
    return status


def _parse(given: Sequence[str]) -> argparse.Namespace:
    """Read the command and its options; help, the version and bad usage end the program.

    Raises:
        UnknownNameError: There is no such command.
    """
    from pcakd.commands.parser import OneLineParser, add_example, parse_mixed

    if given and not given[0].startswith("-") and given[0] not in COMMANDS:
        raise unknown_name("command", given[0], COMMANDS)
    parser = OneLineParser(
        prog="pcakd",
        description="Photorealistic style transfer with small networks: give photographs the "
        "style of another one, and train such networks by PCA-based knowledge distillation.",
    )
    add_example(
        parser,
        "pcakd stylize day.jpg dusk.jpg -o day-at-dusk.jpg",
        "pcakd stylize holiday/*.jpg dusk.jpg -o out/",
        "pcakd stylize --help",
    )
    parser.add_argument("--version", action="version", version=f"pcakd {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if given and name == given[0]:  # other commands, and torch, are not imported
            module = import_module(f"pcakd.commands.{name.replace('-', '_')}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
            return parse_mixed(command, given[1:])
    if not given:
        parser.print_help()
        parser.exit()
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())
