"""Options that several commands have in common."""

import argparse
from pathlib import Path

from pcakd.errors import ConfigError


def add_device_argument(parser: argparse.ArgumentParser) -> None:
    """Declare ``--device``."""
    parser.add_argument(
        "--device", help="cpu, cuda, cuda:N or mps (default: the fastest of this machine)"
    )


def add_config_argument(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config``."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="file with the benchmark profiles (default: benchmarks.toml of this folder, else that "
        "of the package)",
    )


def split_names(option: str, text: str) -> tuple[str, ...]:
    """Split a list at its commas.

    Raises:
        ConfigError: The list is empty or names something twice.
    """
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise ConfigError(f"{option} is empty; give names separated by commas")
    if len(set(names)) < len(names):
        raise ConfigError(f"{option} {text!r} names something twice; drop one")
    return names
