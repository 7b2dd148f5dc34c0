"""Whether quality can be known before training: sensitivity to ranks, and what predicts it.

No torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.quality.protocol import METRICS
from bench.sweeps.members import Member, mean_score

LEAST_MEMBERS = 8
"""Members of one family that a fit needs: five coefficients, and three more."""

MOST_COLLINEAR = 30.0
"""With a larger condition number, the ranks of the taps change together and no effect of a single
tap can be told."""

RESAMPLES = 2000
"""Draws of members for the intervals of rank correlations."""

_LEAST_DRAWN = 4  # different members in a draw that counts
_SIGNS = {str(metric.name): 1.0 if metric.higher_is_better else -1.0 for metric in METRICS}

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What halving the rank of one tap does.

    Attributes:
        family: Backbone and architecture.
        metric: The metric.
        tap: 1 to 4.
        change: Change of the metric, positive means better.
        low: Lower end of its 95 % interval.
        high: Upper end.
        promised: Change of the tap's mcev over the same members.
        condition: Condition number of the fit.
    """

    family: str
    metric: str
    tap: int
    change: float
    low: float
    high: float
    promised: float
    condition: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """How the order of members by something known before training agrees with that by a metric.

    Attributes:
        family: Backbone and architecture.
        metric: The metric.
        predictor: ``mcev`` (its sum over the taps), ``num_params`` or ``macs_per_pixel``.
        correlation: Spearman's rank correlation; 1 if more of it is always better.
        low: Lower end of its 95 % interval over members.
        high: Upper end.
        gain: How much larger the correlation of ``mcev`` is, with its interval; None for ``mcev``.
    """

    family: str
    metric: str
    predictor: str
    correlation: float
    low: float
    high: float
    gain: tuple[float, float, float] | None = None


def by_family(members: Sequence[Member]) -> dict[str, list[Member]]:
    """Return the members of each family that has enough of them, of different ranks."""
    families: dict[str, list[Member]] = {}
    for member in members:
        families.setdefault(member.family, []).append(member)
    return {
        name: each
        for name, each in families.items()
        if len(each) >= LEAST_MEMBERS and len({member.ranks for member in each}) > 1
    }


def find_sensitivities(members: Sequence[Member], metric: str) -> list[Sensitivity]:
    """Fit a metric to the logarithms of the ranks by least squares, for each family.

    Intervals are Student's t of the fit, at 95 %.
    """
    from scipy.stats import t as student_t

    found = []
    for family, own in by_family(members).items():
        halvings = -np.log2([member.ranks for member in own])
        centred = halvings - halvings.mean(axis=0)
        condition = float(np.linalg.cond(centred)) if centred.any() else float("inf")
        if not np.isfinite(condition) or condition > MOST_COLLINEAR:
            continue
        values = _SIGNS[metric] * np.array([mean_score(each.record, metric) for each in own])
        design = np.column_stack([np.ones(len(own)), centred])
        slopes, errors, freedom = _fit(design, values)
        spread = float(student_t.ppf(0.975, freedom))
        for tap in range(halvings.shape[1]):
            kept = np.array([member.mcev[tap] for member in own])
            promised, _, _ = _fit(np.column_stack([np.ones(len(own)), centred[:, tap]]), kept)
            change, error = float(slopes[1 + tap]), float(errors[1 + tap])
            found.append(
                Sensitivity(
                    family=family,
                    metric=metric,
                    tap=tap + 1,
                    change=change,
                    low=change - spread * error,
                    high=change + spread * error,
                    promised=float(promised[1]),
                    condition=condition,
                )
            )
    return found


def find_predictions(
    members: Sequence[Member], metric: str, resolution: str | None, *, seed: int = 0
) -> list[Prediction]:
    """Return the rank correlations of a metric with what is known before training.

    Intervals are percentile intervals over draws of members with replacement.

    Args:
        members: The students.
        metric: The metric.
        resolution: A resolution at which they were profiled; None leaves parameters and MACs out.
        seed: Of the draws.
    """
    found = []
    for family, own in by_family(members).items():
        values = _SIGNS[metric] * np.array([mean_score(each.record, metric) for each in own])
        if np.ptp(values) == 0:
            continue  # a constant has no rank correlation
        predictors = {
            name: each for name, each in _predictors(own, resolution).items() if np.ptp(each) > 0
        }
        if "mcev" not in predictors:
            continue
        generator = np.random.default_rng(seed)
        draws = [
            draw
            for draw in generator.integers(len(own), size=(RESAMPLES, len(own)))
            if len({*draw.tolist()}) >= _LEAST_DRAWN
        ]
        spread = {
            name: np.array([_spearman(each[draw], values[draw]) for draw in draws])
            for name, each in predictors.items()
        }
        for name, each in predictors.items():
            low, high = np.nanquantile(spread[name], (0.025, 0.975))
            correlation = _spearman(each, values)
            gain = None
            if name != "mcev":
                ends = np.nanquantile(spread["mcev"] - spread[name], (0.025, 0.975))
                whole = _spearman(predictors["mcev"], values) - correlation
                gain = (whole, float(ends[0]), float(ends[1]))
            found.append(
                Prediction(
                    family=family,
                    metric=metric,
                    predictor=name,
                    correlation=correlation,
                    low=float(low),
                    high=float(high),
                    gain=gain,
                )
            )
    return found


def _predictors(members: Sequence[Member], resolution: str | None) -> Mapping[str, Values]:
    found = {"mcev": np.array([sum(member.mcev) for member in members])}
    for name in ("num_params", "macs_per_pixel"):
        costs = [member.cost(name, resolution) if resolution else None for member in members]
        if all(costs):
            found[name] = np.array(costs, dtype=np.float64)
    return found


def _fit(design: Values, values: Values) -> tuple[Values, Values, int]:
    """Return coefficients, their standard errors, and the degrees of freedom."""
    slopes, *_ = np.linalg.lstsq(design, values, rcond=None)
    freedom = len(values) - design.shape[1]
    residual = values - design @ slopes
    variance = float(residual @ residual) / freedom
    covariance = variance * np.linalg.inv(design.T @ design)
    return np.asarray(slopes), np.sqrt(np.diag(covariance)), int(freedom)


def _spearman(one: Values, other: Values) -> float:
    """Return Spearman's rank correlation; nan if one of them is constant."""
    from scipy.stats import rankdata

    first, second = rankdata(one), rankdata(other)
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / scale if scale else float("nan")
