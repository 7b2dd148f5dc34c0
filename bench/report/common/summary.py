"""Records gathered into the rows of tables and plots."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.analysis.stats import (
    MIN_SAMPLES,
    ProcessInterval,
    mean_interval,
    median,
    median_interval,
    p95,
    process_interval,
)
from bench.analysis.stats import Interval as Interval  # part of the rows
from bench.analysis.trainings import find_trainings
from bench.quality.protocol import METRICS, headline_metrics, other_metrics
from bench.records.identity import (
    Machine,
    identify,
    is_disturbed,
    is_external,
    label_subjects,
    latest_records,
    machine_of,
)
from bench.records.schema import Record, hash_case
from bench.records.units import NS_PER_MS
from bench.report.common.memory_margin import with_memory_margins
from bench.report.common.rows import CostRow, QualityRow
from pcakd.cards import add_relatives
from pcakd.errors import ConfigError

METRIC_NAMES: tuple[str, ...] = tuple(metric.name for metric in METRICS)
HIGHER_IS_BETTER = {"latency": False} | {each.name: each.higher_is_better for each in METRICS}

_METRIC_KINDS = ("quality", "curve")

BORROWED_COST = (
    "its metric values are of the method as trained here, with a VGG-16 encoder; its cost is of "
    "the published architecture, with a VGG-19 encoder"
)
"""What it means that a subject is shown with the cost of another subject."""


def headline_names(rows: Iterable[QualityRow]) -> tuple[str, ...]:
    """Return the metrics of plots and first tables: those of `headline_metrics`.

    The Gram distance is the bounded one where all rows with metric values have it.
    """
    measured = [set(row.metrics) for row in rows if row.metrics]
    common = set.intersection(*measured) if measured else set()
    return tuple(metric.name for metric in headline_metrics(common))


def other_names(rows: Sequence[QualityRow]) -> tuple[str, ...]:
    """Return the metrics that some row has and that are not `headline_names`, style first."""
    measured = {name for row in rows for name in row.metrics}
    return tuple(metric.name for metric in other_metrics(measured, headline_names(rows)))


def raw_names(rows: Sequence[QualityRow]) -> tuple[str, ...]:
    """Return the metrics of raw numbers: Gram, SSIM, LPIPS and all others that some row has."""
    measured = {name for row in rows for name in row.metrics}
    return tuple(name for name in METRIC_NAMES if name in measured | {"gram", "ssim", "lpips"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All rows of a report, in the order in which their cases first appear in the records.

    Attributes:
        records: The last record of each repeat of each case; those with metric values count as of
            the one machine of all other records.
        machines: The machines of the records.
        cost: What subjects cost.
        quality: Metric values of subjects.
        trainings: Metric values of further trainings of them (`bench.analysis.trainings`).
        folder: The run folder, with examples and loss histories; None without one.
    """

    records: tuple[Record, ...]
    machines: tuple[Machine, ...]
    cost: tuple[CostRow, ...]
    quality: tuple[QualityRow, ...]
    trainings: tuple[QualityRow, ...] = ()
    folder: Path | None = None

    @property
    def comparable(self) -> bool:
        """Whether all records are of one machine; figures of several machines do not compare."""
        return len(self.machines) == 1

    @property
    def subjects(self) -> tuple[str, ...]:
        """Names of all subjects."""
        names = [row.subject for row in self.cost] + [row.subject for row in self.quality]
        return tuple(dict.fromkeys([*names, *label_subjects(self.records).values()]))


def _on_one_machine(records: Sequence[Record]) -> tuple[Record, ...]:
    """Return the records with metric values as those of the machine of all other records.

    Metric values are the same on any machine to rounding, so timings and memory decide which
    machine a report has. Without any, the records of our own subjects do: the machine with most of
    them, if all are of one kind of device. Where timings are of several machines, nothing changes.
    Of two records of one image pair the later one counts.
    """
    timed = [record for record in records if record.kind not in _METRIC_KINDS]
    own = timed or [record for record in records if not is_external(record)] or records[:1]
    machines = Counter(machine_of(record) for record in own)
    if len(machines) != 1 and (timed or len({machine.device for machine in machines}) != 1):
        return tuple(records)
    ((machine, _),) = machines.most_common(1)
    return latest_records(_move(record, machine) for record in records)


def _move(record: Record, machine: Machine) -> Record:
    if machine_of(record) == machine:
        return record
    case = replace(record.case, **machine._asdict())
    return replace(record, case=case, case_hash=hash_case(case))


def summarize(records: Sequence[Record], folder: Path | None = None) -> Summary:
    """Gather records into rows.

    Repeats of one case are pooled: latency samples are joined, peak memory is the largest, metric
    values of an image pair are averaged over repeats, then over image pairs.

    Args:
        records: The records of a run.
        folder: The run folder, for examples and loss histories.

    Raises:
        ConfigError: There are no records.
    """
    if not records:
        raise ConfigError("there are no records to report; run `python -m bench run` first")
    kept = _on_one_machine(latest_records(records))
    names = label_subjects(kept)
    machines = tuple(dict.fromkeys(machine_of(record) for record in kept))
    cost: dict[str, list[Record]] = {}
    quality: dict[tuple[str, str, Machine], list[Record]] = {}
    for record in kept:
        if record.kind == "cost":
            cost.setdefault(record.case_hash, []).append(record)
        elif record.kind == "quality":
            key = (names[identify(record)], record.case.transform, machine_of(record))
            quality.setdefault(key, []).append(record)
    rows = with_memory_margins(
        [_cost_row(names[identify(group[0])], group) for group in cost.values()]
    )
    order = {name: place for place, name in enumerate(names.values())}
    measured = [
        quality_row(*key, quality[key]) for key in sorted(quality, key=lambda each: order[each[0]])
    ]
    further = find_trainings(row.subject for row in measured)
    return Summary(
        records=kept,
        machines=machines,
        cost=tuple(sorted(rows, key=lambda row: (order[row.subject], row.pixels))),
        quality=tuple(row for row in measured if row.subject not in further),
        trainings=tuple(row for row in measured if row.subject in further),
        folder=folder,
    )


def joined_subject(summary: Summary, row: QualityRow) -> str | None:
    """Return the subject whose cost is shown for a quality row; None if it has its own cost."""
    own = any(cost.subject == row.subject for cost in summary.cost)
    return None if own else row.cost_subject


def _cost_row(subject: str, group: Sequence[Record]) -> CostRow:
    measured = [record for record in group if record.status == "ok"]
    shown = min(measured or group, key=lambda record: record.repeat)
    case = shown.case
    samples = [ns for record in measured for ns in record.latency_ns or ()]
    peaks = [record.peak_bytes for record in measured if record.peak_bytes is not None]
    return CostRow(
        subject=subject,
        transform=case.transform,
        resolution=case.resolution or f"{case.width}×{case.height}",
        width=case.width or 0,
        height=case.height or 0,
        machine=machine_of(shown),
        status=shown.status,
        reason=shown.reason,
        num_params=shown.num_params,
        num_eigenbasis_params=shown.num_eigenbasis_params,
        macs_content=shown.macs_content,
        macs_total=shown.macs_total,
        uncounted=dict(shown.uncounted or {}),
        num_samples=len(samples),
        latency_ms=_latency_of_processes(measured),
        num_disturbed=sum(map(is_disturbed, measured)),
        latency_p95_ms=p95(samples) / NS_PER_MS if len(samples) >= MIN_SAMPLES else None,
        peak_bytes=max(peaks, default=None),
        predicted_latency_ms=_to_ms(shown.predicted_latency_ns),
        predicted_peak_bytes=shown.predicted_peak_bytes,
        allowed_bytes=_allowed_bytes(shown),
    )


def _latency_of_processes(records: Sequence[Record]) -> ProcessInterval | None:
    """Return the latency in milliseconds over the processes that measured a case."""
    processes = [
        [ns / NS_PER_MS for ns in record.latency_ns] for record in records if record.latency_ns
    ]
    return process_interval(processes) if processes else None


def _allowed_bytes(record: Record) -> int | None:
    memory = record.environment.get("memory_bytes")
    fraction = record.config.get("memory_fraction")
    return None if memory is None or fraction is None else int(fraction * memory)


def _to_ms(ns: int | None) -> float | None:
    return None if ns is None else ns / NS_PER_MS


def median_latency_ms(samples: Sequence[int]) -> Interval | None:
    """Return the median of samples in nanoseconds as milliseconds, with its interval."""
    if not samples:
        return None
    ends = median_interval(samples)
    return Interval(
        value=median(samples) / NS_PER_MS,
        low=ends[0] / NS_PER_MS if ends else None,
        high=ends[1] / NS_PER_MS if ends else None,
        count=len(samples),
    )


def quality_row(
    subject: str, transform: str, machine: Machine, group: Sequence[Record]
) -> QualityRow:
    """Make a row of one subject's quality records: means over image pairs."""
    by_pair: dict[str, list[Record]] = {}
    failures: dict[str, int] = {}
    for record in group:
        if record.status == "ok":
            by_pair.setdefault(record.case_hash, []).append(record)
        else:
            failures[record.status] = failures.get(record.status, 0) + 1
    metrics: dict[str, Interval] = {}
    for metric in METRICS:
        means = [
            _mean(getattr(record, metric.name) for record in repeats)
            for repeats in by_pair.values()
        ]
        values = [value for value in means if value is not None]
        if values:
            mean, low, high = mean_interval(values, bounds=metric.bounds)
            metrics[metric.name] = Interval(value=mean, low=low, high=high, count=len(values))
    return QualityRow(
        subject=subject,
        transform=transform,
        machine=machine,
        num_image_pairs=len(by_pair),
        metrics=metrics,
        failures=failures,
        cost_subject=next((r.cost_subject for r in reversed(group) if r.cost_subject), None),
        trained_metrics=add_relatives(_find_trained_metrics(group)),
        num_external=sum(is_external(record) for record in group),
        num_made_smaller=sum(bool(record.config.get("made_smaller")) for record in group),
    )


def _find_trained_metrics(group: Sequence[Record]) -> Sequence[str]:
    return next((record.trained_metrics for record in group if record.trained_metrics), ())


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
