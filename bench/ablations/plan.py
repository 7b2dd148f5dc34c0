"""The file of levers: a base's options, and what each lever changes of them."""

import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pcakd.errors import ConfigError
from pcakd.utils.registry import unknown_name

_KEYS = ("base", "about", "options")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lever:
    """One training to be compared with another.

    Attributes:
        name: What it is called; a file name.
        base: The lever that it is compared with; None for one that is a base itself.
        about: What is moved, in words.
        options: Of `pcakd distill`, the base's first; none that says where, on what or how to run.
    """

    name: str
    base: str | None
    about: str
    options: tuple[str, ...]


def read_plan(path: Path) -> dict[str, Lever]:
    """Read levers from a TOML file of tables with ``about``, ``options`` and ``base``.

    Raises:
        ConfigError: The file cannot be read, has no table, or one has other keys or values.
        UnknownNameError: A base is no table of the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"cannot read the plan {path}: {reason}") from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error
    if not tables:
        raise ConfigError(f"{path} holds no lever; a table such as [name] makes one")
    for name, table in tables.items():
        _check(path, name, table)
    return {name: _lever(path, name, tables) for name in tables}


def choose(plan: Mapping[str, Lever], names: Sequence[str]) -> list[Lever]:
    """Return the levers of these names and the bases that they are compared with; all for none.

    Raises:
        UnknownNameError: The plan has no such lever.
    """
    for name in names:
        if name not in plan:
            raise unknown_name("lever", name, plan)
    wanted = {*names, *(plan[name].base for name in names)} if names else {*plan}
    return [lever for name, lever in plan.items() if name in wanted]


def _check(path: Path, name: str, table: object) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{path}: {name!r} cannot be a file's name; use letters, digits and '-'")
    if not isinstance(table, dict) or not all(isinstance(each, str) for each in table.values()):
        raise ConfigError(f"{path}: {name} must be a table of texts")
    for key in table:
        if key not in _KEYS:
            raise unknown_name(f"{path}: key of {name}", key, _KEYS)
    if "about" not in table:
        raise ConfigError(f"{path}: {name} needs an `about`: what is moved, in words")


def _lever(path: Path, name: str, tables: Mapping[str, Mapping[str, str]]) -> Lever:
    table = tables[name]
    base = table.get("base")
    if base is not None and base not in tables:
        raise unknown_name(f"{path}: base of {name}", base, tables)
    if base is not None and "base" in tables[base]:
        raise ConfigError(f"{path}: {base} is the base of {name} and cannot have one itself")
    inherited = tables[base].get("options", "") if base else ""
    try:
        options = (*shlex.split(inherited), *shlex.split(table.get("options", "")))
    except ValueError as error:
        raise ConfigError(f"{path}: options of {name}: {error}") from error
    return Lever(name=name, base=base, about=table["about"], options=options)
