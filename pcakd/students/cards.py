"""What a student's card says about its training. No torch."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

TRAINED_METRICS = "trained_metrics"
"""The key of a card that lists the metrics whose formulas were losses."""

_LOSSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "style": ("gram",),
        "bounded_style": ("gram", "bounded_gram", "alexnet_gram"),
        "structure": ("ssim",),
        "edges": ("edge_ssim", "gmsd"),
        "perceptual": ("lpips",),
    }
)
"""Metrics of the benchmark by the loss weight of the stylization phase that has their formula, or
one that is close to it (GMSD and edge SSIM both compare gradient magnitudes)."""


def list_trained_metrics(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the metrics whose formulas a student was trained on, or close relatives of them.

    A loss uses another network than the metric does, but the same formula: Gram distances, SSIM,
    gradient magnitudes, distance of unit feature vectors (LPIPS). The other metrics are witnesses.
    Older cards have no list; it follows from their recipe. A card without a recipe, like those of
    imported students, gives an empty list.

    >>> list_trained_metrics({"recipe": {"weights": {"style": 1.1, "structure": 0.0}}})
    ('gram',)
    >>> list_trained_metrics({"trained_metrics": ["ssim"]})
    ('ssim',)
    """
    listed = card.get(TRAINED_METRICS)
    if isinstance(listed, list):
        return tuple(name for name in listed if isinstance(name, str))
    recipe = card.get("recipe")
    weights = recipe.get("weights") if isinstance(recipe, Mapping) else None
    if not isinstance(weights, Mapping):
        return ()
    near = [metric for loss, metrics in _LOSSES.items() if weights.get(loss) for metric in metrics]
    return tuple(dict.fromkeys(near))
