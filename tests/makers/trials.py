"""Records of trials with chosen values."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.sweeps.records import TrialRecord

ENVIRONMENT = {"device": "cpu", "device_name": "a CPU", "threads": 2, "torch": "2.9"}


def make_trial(
    name: str,
    means: Mapping[str, float],
    *,
    costs: Mapping[str, float] | None = None,
    ranks: Sequence[int] = (4, 6, 8, 8),
    mcev: Sequence[float] = (0.9, 0.8, 0.8, 0.7),
    options: Sequence[str] = ("--backbone", "tiny"),
    spread: float = 0.0,
    **settings: Any,
) -> TrialRecord:
    """Return the record of a trained trial whose metrics have these means over 8 image pairs."""
    deviations = np.linspace(-spread, spread, 8)
    scores = {
        metric: {f"{pair:02d}": mean + float(each) for pair, each in enumerate(deviations)}
        for metric, mean in means.items()
    }
    recipe: dict[str, Any] = {"weights": {"bounded_style": 4.0, "edges": 3.0}}
    card = {"ranks": list(ranks), "mcev": list(mcev), "core_minutes": 1.5}
    whole = {"base": None, "about": "a trial", "photos": "0", "pairs": "0", "commit": "c"}
    return TrialRecord(
        **whole
        | {
            "name": name,
            "options": list(options),
            "recipe": recipe,
            "base_recipe": recipe,
            "environment": dict(ENVIRONMENT),
            "card": card,
            "scores": scores,
            "costs": {} if costs is None else {"HD": dict(costs)},
            "cost_environment": {} if costs is None else dict(ENVIRONMENT),
        }
        | settings
    )
