"""The plan of a sweep: trials, and bases that they are compared with.

An ablation study is a sweep whose trials change one setting of a base each.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as pydantic_dataclass

from bench.plan.validation import read_toml, validate_table
from bench.sweeps.arguments import write_arguments
from bench.sweeps.grid import GRID, expand_grids
from bench.sweeps.options import Options, merge_options, read_shell_options
from pcakd.errors import ConfigError
from pcakd.utils.deprecation import warn_renamed
from pcakd.utils.registry import unknown_name

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
_RESERVED = "outcome"  # of a training, beside the student's card
_RENAMED = {"no-twins": "no-identity-pairs", "no-pictures": "no-reconstruction-loss"}
"""Ablations of the project's plan by their names before 0.2; they are accepted for one release."""


@pydantic_dataclass(
    frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True)
)
class _Table:
    """A table of the plan."""

    about: str
    base: str | None = None
    options: Options = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One training to compare with a base.

    Attributes:
        name: Its name, which is also a file name.
        base: The trial to compare with; None for a base.
        about: What it changes, in words.
        options: Its options, on top of the base's.
        arguments: The base's options and then its own, as arguments of ``pcakd distill``.
    """

    name: str
    base: str | None
    about: str
    options: Options
    arguments: tuple[str, ...]


def read_plan(path: Path) -> dict[str, Trial]:
    """Read trials from a TOML file of tables with ``about``, ``options`` and ``base``.

    A table ``[[grid]]`` stands for all combinations of values (`bench.sweeps.grid`).

    Raises:
        ConfigError: The file cannot be read, is empty, or has a key or value that does not fit.
        UnknownNameError: A base is not a table of the file.
    """
    tables = read_toml(path)
    if GRID in tables:
        expanded = expand_grids(tables.pop(GRID), path)
        if same := tables.keys() & expanded:
            raise ConfigError(f"{path}: {min(same)!r} is a table and a combination; rename one")
        tables |= expanded
    if not tables:
        raise ConfigError(f"{path} is empty; add a table such as [name] for each trial")
    checked = {name: _check(path, name, table) for name, table in tables.items()}
    plan = {name: _create(path, name, checked) for name in checked}
    if any(isinstance(table.get("options"), str) for table in tables.values()):
        sys.stderr.write(
            f'warning: {path}: options = "--seed 1" is now written as options.seed = 1; '
            "the old form works for one more release\n"
        )
    return plan


def rename_trials(plan: Mapping[str, Trial], names: Sequence[str]) -> list[str]:
    """Replace names of the former release that the plan lacks, with a warning for each."""
    renamed = []
    for name in names:
        new = _RENAMED.get(name, name)
        if name in plan or new not in plan:
            new = name
        elif new != name:
            warn_renamed(f"trial {name!r}", repr(new))
        renamed.append(new)
    return renamed


def choose(plan: Mapping[str, Trial], names: Sequence[str]) -> list[Trial]:
    """Return the named trials and their bases; without names, all.

    Raises:
        UnknownNameError: The plan has no such trial.
    """
    for name in names:
        if name not in plan:
            raise unknown_name("trial", name, plan)
    wanted = {*names, *(plan[name].base for name in names)} if names else {*plan}
    return [trial for name, trial in plan.items() if name in wanted]


def _check(path: Path, name: str, table: dict[str, Any]) -> dict[str, Any]:
    """Check the keys and types of a table, and return it."""
    where = f"{path} [{name}]"
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{path}: {name!r} cannot be a file's name; use letters, digits and '-'")
    if name == _RESERVED:
        raise ConfigError(f"{path}: the name {name!r} is reserved for another file; rename it")
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: expected a table, got {table!r:.40}")
    if isinstance(table.get("options"), str):
        options = read_shell_options(table["options"], where=f"{where} options")
        table = {**table, "options": options}
    validate_table(table, _Table, where=where)
    return table


def _create(path: Path, name: str, tables: Mapping[str, Mapping[str, Any]]) -> Trial:
    table = tables[name]
    base = table.get("base")
    if base is not None and base not in tables:
        raise unknown_name(f"{path}: base of {name}", base, tables)
    if base is not None and "base" in tables[base]:
        raise ConfigError(f"{path}: {base} is the base of {name} and cannot have one itself")
    inherited = tables[base].get("options", {}) if base else {}
    own = table.get("options", {})
    where = f"{path} [{name}] options"
    options = validate_table(merge_options(inherited, own), Options, where=where)
    options = _find_files(options, path.parent)
    if options.backbone is None:
        raise ConfigError(f"{where}: key 'backbone' is missing; add it")
    return Trial(
        name=name,
        base=base,
        about=table["about"],
        options=options,
        arguments=(*write_arguments(inherited), *write_arguments(own)),
    )


def _find_files(options: Options, folder: Path) -> Options:
    """Return options whose paths of files beside the plan are whole."""
    changes: dict[str, Any] = {
        name: str((folder / value).resolve())
        for name in ("start", "weights")
        if (value := getattr(options, name)) is not None and (folder / value).is_file()
    }
    return replace(options, **changes)
