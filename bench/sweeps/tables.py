"""Tables of a sweep: the students, the frontiers, seeds, sensitivity and prediction. No torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.quality.protocol import TRAINED_MARK
from bench.report.common.formats import format_number
from bench.report.common.section import Table
from bench.report.common.tables import ARROWS, NONE
from bench.sweeps.frontier import Frontier
from bench.sweeps.members import COSTS, Member, common_metrics, mean_score
from bench.sweeps.sensitivity import Prediction, Sensitivity
from pcakd.cards import list_trained_metrics

_PREDICTORS: Mapping[str, str] = {
    "mcev": "Sum of mcev",
    "num_params": "Parameters",
    "macs_per_pixel": "MACs/px",
}


def students_table(members: Sequence[Member], resolutions: Sequence[str]) -> Table:
    """Return one row for each student: ranks, costs and metric values."""
    metrics = common_metrics(members)
    cells, numbers = [], []
    for member in sorted(members, key=lambda each: (each.family, sum(each.mcev))):
        row: dict[str, Any] = {"Student": member.name, "Family": member.family}
        number: dict[str, Any] = {"student": member.name, "family": member.family}
        row["Ranks"] = ", ".join(map(str, member.ranks))
        number |= {f"rank{tap}": rank for tap, rank in enumerate(member.ranks, start=1)}
        row["Sum of mcev"] = f"{sum(member.mcev):.3f}"
        number |= {f"mcev{tap}": share for tap, share in enumerate(member.mcev, start=1)}
        number["core_minutes"] = member.record.card.get("core_minutes")
        first = resolutions[0] if resolutions else ""
        for name in ("num_params", "macs_per_pixel"):
            value = member.cost(name, first)
            row[COSTS[name]] = NONE if value is None else f"{value:,.0f}"
            number[name] = value
        for resolution in resolutions:
            for name in ("latency_ms", "peak_bytes"):
                value = member.cost(name, resolution)
                row[f"{COSTS[name]} ({resolution})"] = (
                    NONE if value is None else format_number(value)
                )
                number[f"{name}_{resolution}"] = value
        trained = list_trained_metrics({"recipe": member.record.recipe})
        for metric in metrics:
            value = mean_score(member.record, metric)
            row[ARROWS[metric]] = f"{value:.3f}{TRAINED_MARK if metric in trained else ''}"
            number[metric] = value
        cells.append(row)
        numbers.append(number)
    return Table(
        name="students",
        cells=pd.DataFrame(cells),
        data=pd.DataFrame(numbers),
        note=(
            "Metric values are means over image pairs with `zca` at strength 1; "
            f"{TRAINED_MARK.strip()} the student was trained on the formula of this metric or a "
            "close relative of it. Latency is the median over three processes; memory is what a "
            "call adds to a process."
        ),
    )


def frontier_table(frontiers: Sequence[Frontier]) -> Table:
    """Return one row for each frontier."""
    cells = [
        {
            "Cost": COSTS[each.cost],
            "Pareto front": ", ".join(each.front),
            "Hypervolume": f"{each.hypervolume:.3f} [{each.low:.3f}, {each.high:.3f}]",
            "Reference point": ", ".join(map(format_number, each.reference)),
        }
        for each in frontiers
    ]
    numbers = [
        {
            "cost": each.cost,
            "style": each.metrics[0],
            "content": each.metrics[1],
            "front": " ".join(each.front),
            "hypervolume": each.hypervolume,
            "low": each.low,
            "high": each.high,
            "reference_style": each.reference[0],
            "reference_content": each.reference[1],
            "reference_cost": each.reference[2],
        }
        for each in frontiers
    ]
    style, content = (ARROWS[name] for name in frontiers[0].metrics)
    return Table(
        name="frontier",
        cells=pd.DataFrame(cells),
        data=pd.DataFrame(numbers),
        note=(
            f"The fronts by three objectives: {style}, {content} and a cost. The hypervolume is "
            "the share of the box between the best values and the reference point that the front "
            "dominates, with costs on a logarithmic scale; in brackets its 95 % interval over "
            "draws of image pairs. The reference point lies a tenth of the range beyond the worst "
            f"student: {style}, {content}, cost."
        ),
    )


def seeds_table(frontiers: Sequence[Frontier]) -> Table:
    """Return one row for each training with another seed: who leaves which front."""
    cells = []
    for member, training in frontiers[0].leaves:
        row = {"Student": member, "Training": training}
        for each in frontiers:
            names = each.leaves.get((member, training), ())
            row[COSTS[each.cost]] = ", ".join(names) or "no one"
        cells.append(row)
    return Table(
        name="front-by-seed",
        cells=pd.DataFrame(cells),
        data=pd.DataFrame(cells),
        note="Students that leave the front if this training stands for its student, by cost.",
    )


def sensitivity_table(sensitivities: Sequence[Sensitivity]) -> Table:
    """Return one row for each family and tap, with a column for each metric."""
    rows: dict[tuple[str, int], dict[str, str]] = {}
    for each in sensitivities:
        row = rows.setdefault(
            (each.family, each.tap),
            {"Family": each.family, "Tap": str(each.tap), "mcev": f"{each.promised:+.3f}"},
        )
        row[ARROWS[each.metric]] = f"{each.change:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"
    numbers = [
        {
            "family": each.family,
            "tap": each.tap,
            "metric": each.metric,
            "change": each.change,
            "low": each.low,
            "high": each.high,
            "mcev_change": each.promised,
            "condition": each.condition,
        }
        for each in sensitivities
    ]
    return Table(
        name="sensitivity",
        cells=pd.DataFrame(rows.values()),
        data=pd.DataFrame(numbers),
        note=(
            "What halving the rank of one tap changes, positive is better, with its 95 % interval: "
            "least squares of each metric over the binary logarithms of the four ranks. *mcev* is "
            "what the spectrum promised: the change of that tap's mcev."
        ),
    )


def predictions_table(predictions: Sequence[Prediction]) -> Table:
    """Return one row for each family and predictor, with a column for each metric."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for each in predictions:
        row = rows.setdefault(
            (each.family, each.predictor),
            {"Family": each.family, "Predictor": _PREDICTORS[each.predictor]},
        )
        text = f"{each.correlation:+.2f} [{each.low:+.2f}, {each.high:+.2f}]"
        if each.gain is not None:
            text += f"; mcev {each.gain[0]:+.2f} [{each.gain[1]:+.2f}, {each.gain[2]:+.2f}]"
        row[ARROWS[each.metric]] = text
    numbers = [
        {
            "family": each.family,
            "metric": each.metric,
            "predictor": each.predictor,
            "correlation": each.correlation,
            "low": each.low,
            "high": each.high,
            **dict(zip(("gain", "gain_low", "gain_high"), each.gain or (None,) * 3, strict=True)),
        }
        for each in predictions
    ]
    return Table(
        name="prediction",
        cells=pd.DataFrame(rows.values()),
        data=pd.DataFrame(numbers),
        note=(
            "Spearman's rank correlation of what is known before training with each metric of the "
            "trained students, 1 where more is always better, with its 95 % interval over draws "
            "of students. Behind *mcev*: how much larger the correlation of mcev is."
        ),
    )


def early_stopping_table(volumes: Mapping[str, tuple[float, float]]) -> Table:
    """Return the hypervolume by cost, of all students and of those that would not have stopped."""
    rows = [
        {
            "Cost": COSTS[cost].partition(",")[0],
            "Hypervolume of all": f"{every:.3f}",
            "Without the stopped": f"{rest:.3f}",
        }
        for cost, (every, rest) in volumes.items()
    ]
    numbers = [
        {"cost": cost, "hypervolume": every, "without_stopped": rest}
        for cost, (every, rest) in volumes.items()
    ]
    return Table(
        name="early-stopping",
        cells=pd.DataFrame(rows),
        data=pd.DataFrame(numbers),
        note="Hypervolumes of the front, as shares of the box of all students.",
    )
