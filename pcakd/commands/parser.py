"""A parser whose errors are one line and whose help ends with examples; needs no torch."""

import argparse
import sys
from io import TextIOWrapper
from typing import NoReturn


class OneLineParser(argparse.ArgumentParser):
    """A parser that answers bad usage with one line and exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def seed(text: str) -> int:
    """Read a seed: a whole number from 0 to 2**32 - 1, as NumPy and PyTorch both take it."""
    value = int(text)
    if not 0 <= value < 1 << 32:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {(1 << 32) - 1}")
    return value


def add_example(parser: argparse.ArgumentParser, *examples: str) -> None:
    """Show examples at the end of a parser's help."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "examples:\n" + "\n".join(f"  {example}" for example in examples)


def replace_unprintable() -> None:
    """Print ? for signs (λ, ≈, ↓) that the encoding of a console or pipe lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
