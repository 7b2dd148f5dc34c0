"""A parser whose errors are one line and whose help ends with examples; needs no torch."""

import argparse
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

DEFAULT_STUDENT = "vgg16"


class OneLineParser(argparse.ArgumentParser):
    """A parser that ends bad usage with one line and exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and how to see the help."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def seed(text: str) -> int:
    """Read a seed: an integer from 0 to 2**32 - 1, which NumPy and PyTorch both accept."""
    value = int(text)
    if not 0 <= value < 1 << 32:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {(1 << 32) - 1}")
    return value


def parse_mixed(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Parse arguments whose options may stand between the positional ones.

    ``parse_args`` refuses ``a.jpg --quiet b.jpg`` where a command takes any number of files. A
    parser with subcommands is parsed as usual.
    """
    try:
        return parser.parse_intermixed_args(arguments)
    except TypeError:  # argparse's answer to a parser with commands
        return parser.parse_args(arguments)


def text_argument(text: str) -> str:
    """Read a value that may not be empty, as an unset variable of a shell script makes it."""
    if not text:
        raise argparse.ArgumentTypeError("is empty; is a variable of your script not set?")
    return text


def path_argument(text: str) -> Path:
    """Read a path that may not be empty; ``Path("")`` would be the current folder."""
    return Path(text_argument(text))


def add_example(parser: argparse.ArgumentParser, *examples: str) -> None:
    """Show examples at the end of a parser's help."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "examples:\n" + "\n".join(f"  {example}" for example in examples)


def replace_unprintable() -> None:
    """Print ? for characters (λ, ≈, ×) that the encoding of a console or pipe lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
