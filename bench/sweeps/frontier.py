"""The frontier of a sweep: which students no other dominates, and how much they dominate. No torch.

Three objectives count: a style metric, a content metric and a cost. Costs count by their logarithm,
because halving a cost is worth the same everywhere.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.analysis.pareto import pareto_front
from bench.quality.protocol import METRICS
from bench.sweeps.members import Member, mean_score
from bench.sweeps.records import TrialRecord

RESAMPLES = 500
"""Draws of image pairs for the interval of a hypervolume."""

_MARGIN = 0.1  # of the reference point beyond the worst member, as a share of the range
_SIGNS = {str(metric.name): -1.0 if metric.higher_is_better else 1.0 for metric in METRICS}

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The front of members by two metrics and a cost.

    Attributes:
        metrics: Names of the style and the content metric.
        cost: Key of the cost in `bench.sweeps.members.COSTS`.
        front: Names of the members on the front.
        dominated: Names of the others.
        hypervolume: Volume that the front dominates, as a share of the box between the best values
            and the reference point.
        low: Lower end of its 95 % interval over image pairs.
        high: Upper end.
        reference: The reference point: style, content and cost, each in its own unit.
        leaves: By member and seed, the members that leave the front if that training stands for
            the member.
    """

    metrics: tuple[str, str]
    cost: str
    front: tuple[str, ...]
    dominated: tuple[str, ...]
    hypervolume: float
    low: float
    high: float
    reference: tuple[float, float, float]
    leaves: Mapping[tuple[str, str], tuple[str, ...]]


def find_frontier(
    members: Sequence[Member],
    metrics: tuple[str, str],
    cost: str,
    resolution: str,
    *,
    seed: int = 0,
) -> Frontier | None:
    """Return the frontier of the members whose cost was measured; None for fewer than two.

    The interval is the percentile interval over draws of image pairs with replacement; the box
    stays that of all pairs.

    Args:
        members: The students.
        metrics: A style and a content metric that all members have on the same image pairs.
        cost: Key of the cost.
        resolution: Resolution of the cost.
        seed: Of the draws.
    """
    sized = [each for each in members if each.cost(cost, resolution)]
    if len(sized) < 2:
        return None
    samples, costs = _measure(sized, metrics, cost, resolution)
    points = _points(samples.mean(axis=-1), costs)
    best, reference = _find_box(points)
    volume = _volume_of(best, reference)
    on = pareto_front(points.tolist(), (False,) * points.shape[1])
    draws = np.random.default_rng(seed).integers(
        samples.shape[-1], size=(RESAMPLES, samples.shape[-1])
    )
    resampled = [volume(_points(samples[..., draw].mean(axis=-1), costs)) for draw in draws]
    low, high = np.quantile(resampled, (0.025, 0.975))
    names = [each.name for each in sized]
    front = tuple(name for name, best_ in zip(names, on, strict=True) if best_)
    ends = reference * [_SIGNS[metrics[0]], _SIGNS[metrics[1]], 1.0]
    return Frontier(
        metrics=metrics,
        cost=cost,
        front=front,
        dominated=tuple(name for name in names if name not in front),
        hypervolume=volume(points),
        low=float(low),
        high=float(high),
        reference=(float(ends[0]), float(ends[1]), float(np.exp(ends[2]))),
        leaves=_leaves(sized, metrics, points, front),
    )


def hypervolume_without(
    members: Sequence[Member],
    names: Collection[str],
    metrics: tuple[str, str],
    cost: str,
    resolution: str,
) -> tuple[float, float]:
    """Return the hypervolume of all members whose cost was measured, and without some of them.

    Both are shares of the box of all members.
    """
    sized = [each for each in members if each.cost(cost, resolution)]
    samples, costs = _measure(sized, metrics, cost, resolution)
    points = _points(samples.mean(axis=-1), costs)
    volume = _volume_of(*_find_box(points))
    kept = points[[each.name not in names for each in sized]]
    return volume(points), volume(kept) if len(kept) else 0.0


def _measure(
    members: Sequence[Member], metrics: tuple[str, str], cost: str, resolution: str
) -> tuple[Values, Values]:
    """Return metric values by metric, member and image pair, and the logarithm of each cost."""
    costs = np.log([each.cost(cost, resolution) or np.nan for each in members])
    return np.stack([_samples([each.record for each in members], name) for name in metrics]), costs


def _find_box(points: Values) -> tuple[Values, Values]:
    """Return the best values and the reference point."""
    best, worst = points.min(axis=0), points.max(axis=0)
    return best, worst + _MARGIN * np.where(worst > best, worst - best, 1.0)


def _samples(records: Sequence[TrialRecord], metric: str) -> Values:
    """Return values by record and image pair; lower is better."""
    pairs = sorted(records[0].scores[metric])
    rows = [[record.scores[metric][pair] for pair in pairs] for record in records]
    return _SIGNS[metric] * np.asarray(rows)


def _points(means: Values, costs: Values) -> Values:
    return np.column_stack([*means, costs])


def _volume_of(best: Values, reference: Values) -> Callable[[Values], float]:
    """Return a function of points: the share of the box that they dominate."""
    from pymoo.indicators.hv import HV

    indicator = HV(ref_point=np.ones(len(best)))

    def volume(points: Values) -> float:
        scaled = (points - best) / (reference - best)
        return float(indicator(np.maximum(scaled, 0.0)))

    return volume


def _leaves(
    members: Sequence[Member], metrics: tuple[str, str], points: Values, front: Sequence[str]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return who leaves the front when another seed of a member stands for it."""
    found = {}
    for place, member in enumerate(members):
        for record in member.seeds:
            changed = points.copy()
            changed[place, :2] = [_SIGNS[name] * mean_score(record, name) for name in metrics]
            on = pareto_front(changed.tolist(), (False,) * points.shape[1])
            still = {each.name for each, best in zip(members, on, strict=True) if best}
            found[member.name, record.name] = tuple(name for name in front if name not in still)
    return found
