"""The command line ``pcakd``."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from pcakd import __version__
from pcakd.errors import PcakdError
from pcakd.utils.out_of_memory import is_out_of_memory

_TURN_SECONDS = 5.0
"""How long further processes of one training wait before they tell an error: if the first one has
it too, it has told it by then and ``torchrun`` has ended them."""

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "list": "list shipped students, backbones, weight sets and transforms",
        "eigenbases": "fit the global eigenbases of a teacher",
        "distill": "distil a student",
        "stylize": "stylize a photograph, or a folder of them",
        "import-authors": "import a student that the authors of PCA-KD released",
    }
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0, or 1 where two things that are compared differ, 2 after bad input (one line on standard
        error says what), 130 after an interrupt.
    """
    from pcakd.commands.parser import OneLineParser, add_example, replace_unprintable

    replace_unprintable()
    parser = OneLineParser(
        prog="pcakd",
        description="Distil lightweight students for photorealistic style transfer, and use them.",
    )
    add_example(parser, "pcakd stylize day.jpg dusk.jpg -o day-at-dusk.jpg")
    parser.add_argument("--version", action="version", version=f"pcakd {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    given = list(sys.argv[1:] if argv is None else argv)
    chosen = next((each for each in given if each in COMMANDS), None)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        if name == chosen:  # the modules of the others, and torch, stay unimported
            module = import_module(f"pcakd.commands.{name.replace('-', '_')}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    args = parser.parse_args(given)
    try:
        return int(args.run(args))
    except (PcakdError, OSError) as error:  # OSError: paths too long, folders not to be entered
        if os.environ.get("RANK", "0") != "0":
            time.sleep(_TURN_SECONDS)
        print(f"pcakd: error: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        print(
            "pcakd: error: out of memory; use smaller images or another --device", file=sys.stderr
        )
        return 2
    except KeyboardInterrupt:
        print("pcakd: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
