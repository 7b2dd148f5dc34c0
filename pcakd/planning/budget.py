"""Budgets of a student's cost, as text: ``latency=200ms@FHD``, ``params=40k`` and so on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from pcakd.errors import ConfigError
from pcakd.utils.registry import unknown_name
from pcakd.utils.resolutions import Resolution, parse_resolution

Quantity = Literal["latency", "macs", "params", "memory"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

_UNITS: Mapping[Quantity, Mapping[str, float]] = MappingProxyType(
    {
        "latency": {"us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9},
        "macs": {"/px": 1, "k/px": 1e3},
        "params": {"": 1, "k": 1e3, "M": 1e6},
        "memory": {
            **{"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9},
            **{"KiB": 2**10, "MiB": 2**20, "GiB": 2**30},
        },
    }
)
_EXAMPLES: Mapping[Quantity, str] = MappingProxyType(
    {
        "latency": "latency=200ms@FHD",
        "macs": "macs=3000/px",
        "params": "params=40k",
        "memory": "memory=1GiB@8K",
    }
)
_AT_SIZE = ("latency", "memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that a student may cost.

    Attributes:
        text: As it was given.
        quantity: ``latency`` (nanoseconds), ``macs`` (multiply-adds of the content path for each
            pixel), ``params`` (parameters) or ``memory`` (bytes at the peak of a stylization).
        limit: In that unit.
        resolution: The size of content and style; None for ``macs`` and ``params``.
    """

    text: str
    quantity: Quantity
    limit: float
    resolution: Resolution | None = None


def parse_budget(text: str) -> Budget:
    """Read a budget.

    Raises:
        ConfigError: The text is no budget, or its limit is not positive.
        UnknownNameError: The quantity or the resolution is unknown.

    >>> budget = parse_budget("latency=200ms@FHD")
    >>> budget.quantity, budget.limit, budget.resolution.name
    ('latency', 200000000.0, 'FHD')
    """
    name, equals, rest = text.partition("=")
    quantity = next((each for each in QUANTITIES if each == name), None)
    if quantity is None or not equals:
        raise unknown_name("budget", name, QUANTITIES)
    value, at, size = rest.partition("@")
    match = re.fullmatch(r"(\d+(?:\.\d+)?(?:e\d+)?)\s*([^\d\s].*|)", value)
    units = _UNITS[quantity]
    if not match or match[2] not in units or bool(at) != (quantity in _AT_SIZE):
        raise ConfigError(
            f"budget {text!r} cannot be read; write {quantity} like {_EXAMPLES[quantity]} "
            f"(units: {', '.join(unit or 'none' for unit in units)})"
        )
    limit = float(match[1]) * units[match[2]]
    if not 0 < limit < float("inf"):
        raise ConfigError(f"budget {text!r} must be positive")
    resolution = parse_resolution(size) if at else None
    return Budget(text=text, quantity=quantity, limit=limit, resolution=resolution)
