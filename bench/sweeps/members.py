"""The students of a sweep with their metric values and costs. No torch."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from bench.analysis.trainings import find_trainings
from bench.quality.protocol import METRICS
from bench.records.provenance import HUGE_PAGES
from bench.sweeps.arguments import read_arguments
from bench.sweeps.records import TrialRecord
from pcakd.cards import list_trained_metrics

COSTS: Mapping[str, str] = {
    "latency_ms": "Latency, ms",
    "num_params": "Parameters",
    "macs_per_pixel": "MACs/px",
    "peak_bytes": "Peak memory, MiB",
}
"""Costs of a student by their key in a record, with their titles."""

UNITS: Mapping[str, float] = {"peak_bytes": 2.0**-20}
"""What the number of a record is multiplied with to have the unit of the title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A trained student of a sweep.

    Attributes:
        record: Its record.
        family: What it has in common with others that differ from it by their ranks alone:
            backbone, weights, architecture, start and recipe.
        seeds: Records of the same trial with other seeds.
    """

    record: TrialRecord
    family: str
    seeds: tuple[TrialRecord, ...] = ()

    @property
    def name(self) -> str:
        """The trial's name."""
        return self.record.name

    @property
    def ranks(self) -> tuple[int, ...]:
        """Ranks of the four taps."""
        return tuple(self.record.card["ranks"])

    @property
    def mcev(self) -> tuple[float, ...]:
        """Mean cumulative explained variance that its ranks keep, at the four taps."""
        return tuple(self.record.card["mcev"])

    def cost(self, name: str, resolution: str) -> float | None:
        """Return a cost at a resolution, in the unit of `COSTS`; None if it was not measured."""
        value = self.record.costs.get(resolution, {}).get(name)
        return None if value is None else float(value) * UNITS.get(name, 1.0)


def find_members(records: Mapping[str, TrialRecord]) -> list[Member]:
    """Return the trained students over the image pairs that most of them have.

    Trials ``NAME-seedN`` belong to the trial ``NAME``.
    """
    trained = {name: record for name, record in records.items() if record.scores}
    if not trained:
        return []
    (pairs, _), *_ = Counter(record.pairs for record in trained.values()).most_common(1)
    trained = {name: record for name, record in trained.items() if record.pairs == pairs}
    seeds: dict[str, list[TrialRecord]] = {}
    # also of students without values, which were stopped early: their seeds are no students
    further = {n: t for n, t in find_trainings(records).items() if t.moved == "seed"}
    for name, training in further.items():
        if name not in trained:
            continue
        seeds.setdefault(training.subject, []).append(trained[name])
    own = {name: record for name, record in trained.items() if name not in further}
    families = _name_families(own)
    return [
        Member(record=record, family=families[name], seeds=tuple(seeds.get(name, ())))
        for name, record in own.items()
    ]


def describe_left_out(records: Mapping[str, TrialRecord], members: Sequence[Member]) -> list[str]:
    """Return a line for each trial that is neither a member nor a seed of one."""
    shown = {record.name for each in members for record in (each.record, *each.seeds)}
    stopped = {
        name: "its student was stopped early"
        for name, training in find_trainings(records).items()
        if training.moved == "seed" and records[training.subject].stopped
    }
    return [
        f"`{name}`: {record.failure or stopped.get(name, 'scored on other image pairs')}"
        for name, record in records.items()
        if name not in shown
    ]


def _name_families(records: Mapping[str, TrialRecord]) -> dict[str, str]:
    """Return the family of each record; recipes are numbered where there are several."""
    titles = {name: _title(read_arguments(record.options)) for name, record in records.items()}
    recipes: dict[str, list[str]] = {}
    for name, record in records.items():
        found = recipes.setdefault(titles[name], [])
        if (recipe := _without_seed(record)) not in found:
            found.append(recipe)
    return {
        name: title
        if len(recipes[title]) == 1
        else f"{title}, recipe {recipes[title].index(_without_seed(records[name])) + 1}"
        for name, title in titles.items()
    }


def _title(options: Mapping[str, Any]) -> str:
    start, low_rank = options.get("start"), options.get("low_rank")
    parts = [options.get(name) for name in ("backbone", "weights", "architecture")]
    parts += [f"from {start}" if start else None, f"low rank {low_rank}" if low_rank else None]
    return ", ".join(str(part) for part in parts if part) or "students"


def _without_seed(record: TrialRecord) -> str:
    recipe = {name: value for name, value in record.recipe.items() if name != "seed"}
    return json.dumps(recipe, sort_keys=True)


def mean_score(record: TrialRecord, metric: str) -> float:
    """Return the mean of a metric over image pairs."""
    return fmean(record.scores[metric].values())


def common_metrics(members: Sequence[Member]) -> list[str]:
    """Return the metrics that all members have on the same image pairs, those of style first."""
    ordered = sorted(METRICS, key=lambda metric: metric.measures != "style")
    found = []
    for metric in ordered:
        pairs = {frozenset(member.record.scores.get(metric.name, ())) for member in members}
        if len(pairs) == 1 and pairs != {frozenset()}:
            found.append(str(metric.name))
    return found


def witnesses(members: Sequence[Member]) -> tuple[str, str] | None:
    """Return the first style and the first content metric that no member was trained on."""
    trained = {
        name for each in members for name in list_trained_metrics({"recipe": each.record.recipe})
    }
    free = [name for name in common_metrics(members) if name not in trained]
    kinds = {str(metric.name): metric.measures for metric in METRICS}
    style = next((name for name in free if kinds[name] == "style"), None)
    content = next((name for name in free if kinds[name] == "content"), None)
    return None if style is None or content is None else (style, content)


def common_resolutions(members: Sequence[Member]) -> list[str]:
    """Return the resolutions at which all profiled members were profiled, on one machine."""
    profiled = [each for each in members if each.record.costs]
    if not profiled:
        return []
    machines = {
        tuple(
            each.record.cost_environment.get(key) or None
            for key in ("device_name", "threads", HUGE_PAGES)
        )
        for each in profiled
    }
    shared = set.intersection(*({*each.record.costs} for each in profiled))
    named = profiled[0].record.costs
    return [name for name in named if name in shared] if len(machines) == 1 else []
