"""Grids of a plan: one table for each combination of values of some options."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from bench.plan.validation import validate_table
from pcakd.errors import ConfigError

GRID = "grid"
"""The key of a plan that holds grids; no trial can have this name."""

DEFAULT = "default"
"""The value of an option that a combination leaves out."""

_BUDGET = "budget"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class _Grid:
    """A table ``[[grid]]`` of a plan.

    Attributes:
        name: What the names of its trials begin with.
        about: What it is, in words.
        over: Values by option; ``set.NAME`` is a number of the recipe, ``budget`` one budget of
            ``pcakd plan`` or a list of several, which become ranks.
        options: Options of all combinations.
        base: The trial that they are compared with.
        analysis: Output folder of ``pcakd analyze``, for budgets; relative to the plan.
    """

    name: str
    about: str
    over: dict[str, list[Any]]
    options: dict[str, Any] | None = None
    base: str | None = None
    analysis: str | None = None


def expand_grids(grids: Any, path: Path) -> dict[str, dict[str, Any]]:
    """Return the tables of all combinations by their names.

    A name is that of the grid and each option with its value, ``small-mcev0.75``. A seed comes
    last, and seed 0 is left out: ``NAME`` and ``NAME-seed1`` are trainings of one student.

    Args:
        grids: What the plan has under ``grid``.
        path: The plan.

    Raises:
        ConfigError: A key or a value does not fit, or two combinations have one name.
    """
    if not isinstance(grids, list) or not all(isinstance(grid, Mapping) for grid in grids):
        raise ConfigError(f"{path}: write grids as [[{GRID}]]")
    tables: dict[str, dict[str, Any]] = {}
    for number, given in enumerate(grids, start=1):
        where = f"{path} [[{GRID}]] {number}"
        grid = validate_table(given, _Grid, where=where)
        for name, table in _expand(grid, path.parent, where):
            if name in tables:
                raise ConfigError(f"{where}: two combinations have the name {name!r}; rename one")
            tables[name] = table
    return tables


def _expand(grid: _Grid, folder: Path, where: str) -> Sequence[tuple[str, dict[str, Any]]]:
    if not grid.over or not all(grid.over.values()):
        raise ConfigError(f"{where}: give over.OPTION = [value, …], one value or more for each")
    keys = sorted(grid.over, key=lambda key: key == "seed")
    combinations = list(product(*(grid.over[key] for key in keys)))
    if len(combinations) > _MOST:
        raise ConfigError(f"{where}: {len(combinations)} combinations; at most {_MOST}")
    found = []
    for values in combinations:
        chosen = {k: v for k, v in zip(keys, values, strict=True) if v != DEFAULT}
        options = dict(grid.options or {})
        for key, value in chosen.items():
            if key == _BUDGET:
                options["ranks"] = _ranks(grid, folder, value, where)
            elif key.startswith("set."):
                options["set"] = {**options.get("set", {}), key.removeprefix("set."): value}
            else:
                options[key] = value
        shown = ", ".join(f"{key} {_show(value)}" for key, value in chosen.items())
        table = {"about": f"{grid.about}: {shown}" if shown else grid.about, "options": options}
        if grid.base is not None:
            table["base"] = grid.base
        found.append((_name(grid.name, chosen), table))
    return found


def _name(stem: str, chosen: Mapping[str, Any]) -> str:
    parts = [
        f"{key.removeprefix('set.')}{_show(value)}"
        for key, value in chosen.items()
        if not (key == "seed" and value == 0)
    ]
    return "-".join([stem, *(_UNSAFE.sub("", part.replace(",", "-")) for part in parts)])


def _show(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={each}" for key, each in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _ranks(grid: _Grid, folder: Path, value: Any, where: str) -> list[int]:
    """Return the ranks of a plan under budgets."""
    from pcakd.planning import parse_budget, plan_ranks
    from pcakd.planning.analysis import read_plan_inputs

    if grid.analysis is None:
        raise ConfigError(f"{where}: over.budget needs analysis = the folder of `pcakd analyze`")
    texts = value if isinstance(value, list) else [value]
    inputs = read_plan_inputs(folder / grid.analysis)
    budgets = [parse_budget(str(text)) for text in texts]
    plan = plan_ranks(
        inputs.mcev_curves, inputs.tables, budgets, model=inputs.model, threads=inputs.threads
    )
    return list(plan.ranks)
