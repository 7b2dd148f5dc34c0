"""The students of a sweep with their metric values and costs. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from bench.analysis.trainings import find_trainings
from bench.quality.protocol import METRICS
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
        seeds: Records of the same trial with other seeds.
    """

    record: TrialRecord
    seeds: tuple[TrialRecord, ...] = ()

    @property
    def name(self) -> str:
        """The trial's name."""
        return self.record.name

    @property
    def options(self) -> dict[str, Any]:
        """The options of its training."""
        return read_arguments(self.record.options)

    @property
    def family(self) -> str:
        """Backbone and architecture; only members of one family differ by their ranks alone."""
        parts = [str(self.options["backbone"]), str(self.options.get("architecture", ""))]
        return ", ".join(part for part in parts if part)

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
    """Return the trained students; trials ``NAME-seedN`` belong to the trial ``NAME``."""
    trained = {name: record for name, record in records.items() if record.scores}
    further = find_trainings(trained)
    seeds: dict[str, list[TrialRecord]] = {}
    for name, training in further.items():
        if training.moved == "seed":
            seeds.setdefault(training.subject, []).append(trained[name])
    return [
        Member(record=record, seeds=tuple(seeds.get(name, ())))
        for name, record in trained.items()
        if name not in further
    ]


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
    """Return the resolutions at which all members were profiled on one machine."""
    if not members:
        return []
    machines = {
        tuple(each.record.cost_environment.get(key) for key in ("device_name", "threads"))
        for each in members
    }
    shared = set.intersection(*({*each.record.costs} for each in members))
    named = members[0].record.costs
    return [name for name in named if name in shared] if len(machines) == 1 else []
