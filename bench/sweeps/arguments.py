"""Options of trials as command-line arguments, as records hold them. No torch."""

from collections.abc import Mapping, Sequence
from typing import Any

from pcakd.errors import ConfigError
from pcakd.students.former_names import RENAMED_SETTINGS


def write_arguments(table: Mapping[str, Any]) -> list[str]:
    """Return a table of options as arguments of ``pcakd distill``; records and pages show them.

    >>> write_arguments({"basis_images": 60, "steps": [8, 3, 3], "set": {"ridge": 0.1}})
    ['--basis-images', '60', '--steps', '8,3,3', '--set', 'ridge=0.1']
    >>> write_arguments({"loss_weights": {"edges": 1, "structure": 1}})
    ['--loss-weights', 'edges=1,structure=1']
    """
    arguments: list[str] = []
    for name, value in table.items():
        if name == "set":
            arguments += [
                part for key, each in value.items() for part in ("--set", f"{key}={each}")
            ]
        else:
            if isinstance(value, Mapping):
                value = [f"{key}={each}" for key, each in value.items()]
            values = value if isinstance(value, list | tuple) else [value]
            arguments += [f"--{name.replace('_', '-')}", ",".join(map(str, values))]
    return arguments


def read_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """Read what :func:`write_arguments` returned, or the options of a plan before 0.2.

    Of an option that is given twice, the last one counts.

    Raises:
        ConfigError: An argument is not an option with a value.

    >>> read_arguments(["--basis-images", "60", "--steps=8,3,3", "--set", "ridge=0.1"])
    {'basis_images': 60, 'steps': [8, 3, 3], 'set': {'ridge': 0.1}}
    """
    table: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        option, equals, value = rest.pop(0).partition("=")
        if not option.startswith("--") or not (equals or rest):
            raise ConfigError(f"{option!r} is not an option with a value")
        value = value if equals else rest.pop(0)
        name = option[2:].replace("-", "_")
        if name == "set":
            key, _, value = value.partition("=")
            table.setdefault("set", {})[RENAMED_SETTINGS.get(key, key)] = _read_value(value)
        elif name == "loss_weights" and "=" in value:
            pairs = (part.partition("=") for part in value.split(","))
            table[name] = {key: _read_value(each) for key, _, each in pairs}
        else:
            table[name] = _read_value(value)
    return table


def _read_value(text: str) -> Any:
    """Read a number, numbers with commas between them, or a text."""
    try:
        values = [_read_number(part) for part in text.split(",")]
    except ValueError:
        return text
    return values if len(values) > 1 else values[0]


def _read_number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
