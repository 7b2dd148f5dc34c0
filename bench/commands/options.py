"""Options that several commands have in common."""

import argparse
from collections.abc import Sequence
from typing import Any

from pcakd.commands.parser import path_argument
from pcakd.errors import ConfigError


class _DeviceNames:
    """The names of this machine's devices; torch is only imported when help shows them."""

    def __str__(self) -> str:
        from pcakd.utils.devices import list_devices

        return ", ".join(["auto", *list_devices()])


class _StoreDevice(argparse.Action):
    """Stores the name of a device; ``%(devices)s`` in the help are the devices of this machine."""

    def __init__(self, option_strings: Sequence[str], dest: str, **settings: Any) -> None:
        super().__init__(option_strings, dest, **settings)
        self.devices = _DeviceNames()

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, values)


def add_device_argument(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Declare ``--device``; without a default, it is the fastest device of this machine."""
    shown = default or "auto, the fastest"
    parser.add_argument(
        "--device",
        action=_StoreDevice,
        default=default,
        help=f"where to compute: %(devices)s (default: {shown})",
    )


def add_resolution_argument(parser: argparse.ArgumentParser) -> None:
    """Declare ``--resolution``, HD by default."""
    parser.add_argument(
        "--resolution", default="HD", help="HD, FHD, QHD, 4K, 5K, 8K or 640x480 (default: HD)"
    )


def add_config_argument(
    parser: argparse.ArgumentParser, what: str = "file with the benchmark profiles"
) -> None:
    """Declare ``--config``; ``what`` says what is read from the file."""
    parser.add_argument(
        "--config",
        type=path_argument,
        metavar="FILE",
        help=f"{what} (default: benchmarks.toml of this folder, else that of the package)",
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
