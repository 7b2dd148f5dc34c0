"""What a student's card says about its training. No torch."""

from collections.abc import Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

TRAINED_METRICS = "trained_metrics"
"""The key of a card that lists the metrics whose formulas, or relatives of them, were losses."""

_RELATIVES: tuple[tuple[str, ...], ...] = (
    ("gram", "bounded_gram", "alexnet_gram"),
    ("ssim", "ms_ssim"),
    ("edge_ssim", "gmsd"),
    ("lpips", "dists"),
)
"""Metrics of the benchmark with formulas close to each other: distances of Gram matrices, local
statistics of intensities, gradient magnitudes, distances of feature maps."""

_FORMULAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "style": ("gram",),
        "bounded_style": ("bounded_gram",),
        "structure": ("ssim",),
        "edges": ("edge_ssim",),
        "perceptual": ("lpips",),
        "moments": ("gram",),
        "gaussians": ("gram", "sliced_wasserstein"),
        "slices": ("gram", "sliced_wasserstein"),
        "multiscale": ("ms_ssim",),
        "self_similarity": ("lpips",),
    }
)
"""The metrics whose formula a loss of the stylization phase has or is close to, by the name of its
weight: distances of moments and of distributions of features are close to distances of Gram
matrices, those of distributions to the sliced Wasserstein distance of colours as well, and self-
similarity of features to distances of features."""


def add_relatives(metrics: Iterable[str]) -> tuple[str, ...]:
    """Return metrics and those whose formulas are close to theirs, without duplicates.

    >>> add_relatives(["edge_ssim", "ssim"])
    ('edge_ssim', 'gmsd', 'ssim', 'ms_ssim')
    """
    groups = [next((group for group in _RELATIVES if each in group), (each,)) for each in metrics]
    return tuple(dict.fromkeys(name for group in groups for name in group))


def list_trained_metrics(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the metrics whose formulas a student was trained on, and close relatives of them.

    A loss uses another network than the metric does, but the same formula: Gram distances, SSIM,
    gradient magnitudes, distance of unit feature vectors (LPIPS). DISTS, which compares feature
    maps too, counts as a relative of LPIPS. The other metrics are witnesses.
    Older cards have no list, or one without relatives; without a list it follows from their recipe.
    A card without a recipe, like those of imported students, gives an empty list.

    >>> list_trained_metrics({"recipe": {"weights": {"style": 1.1, "structure": 0.0}}})
    ('gram', 'bounded_gram', 'alexnet_gram')
    >>> list_trained_metrics({"trained_metrics": ["ssim"]})
    ('ssim', 'ms_ssim')
    """
    listed = card.get(TRAINED_METRICS)
    if isinstance(listed, list):
        return add_relatives(name for name in listed if isinstance(name, str))
    recipe = card.get("recipe")
    weights = recipe.get("weights") if isinstance(recipe, Mapping) else None
    if not isinstance(weights, Mapping):
        return ()
    trained = [metrics for loss, metrics in _FORMULAS.items() if weights.get(loss)]
    return add_relatives(dict.fromkeys(chain(*trained)))
