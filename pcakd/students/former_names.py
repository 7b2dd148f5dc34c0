"""Names in cards of former releases. No torch."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

RENAMED_SETTINGS: Mapping[str, str] = MappingProxyType({"twins": "identity_share"})
"""Settings of a recipe by their names before 0.2."""

_RENAMED = {"legs": "phases"}


def rename_settings(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's JSON values under today's names.

    >>> rename_settings({"twins": 0.125, "seed": 0})
    {'identity_share': 0.125, 'seed': 0}
    """
    return {RENAMED_SETTINGS.get(name, name): value for name, value in recipe.items()}


def rename_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card under today's names.

    >>> rename_card({"legs": [{"phase": "encoder"}], "recipe": {"twins": 0.125}})
    {'phases': [{'phase': 'encoder'}], 'recipe': {'identity_share': 0.125}}
    """
    renamed = {_RENAMED.get(name, name): value for name, value in card.items()}
    if isinstance(renamed.get("recipe"), Mapping):
        renamed["recipe"] = rename_settings(renamed["recipe"])
    return renamed
