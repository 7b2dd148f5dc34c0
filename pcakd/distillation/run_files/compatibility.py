"""Names in cards of former releases. No torch."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

RENAMED_SETTINGS: Mapping[str, str] = MappingProxyType({"twins": "identity_share"})
"""Settings of a recipe by their names before 0.2."""


def rename_settings(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's JSON values under today's names.

    >>> rename_settings({"twins": 0.125, "seed": 0})
    {'identity_share': 0.125, 'seed': 0}
    """
    return {RENAMED_SETTINGS.get(name, name): value for name, value in recipe.items()}


def phase_reports(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the reports of the phases on a card; cards before 0.2 have them under ``legs``.

    >>> phase_reports({"legs": [{"phase": "encoder"}]})
    [{'phase': 'encoder'}]
    """
    return list(card.get("phases", card.get("legs", ())))
