"""What limits comparisons within a report: several machines, commits or protocols."""

from collections.abc import Iterable

from bench.quality.protocol import METRICS, without_outputs
from bench.records.identity import Machine, is_external
from bench.records.provenance import count_provenances
from bench.records.schema import Record
from bench.report.common.formats import format_count_of
from bench.report.common.summary import Summary
from bench.report.common.tables import machine_label


def comparability_notes(summary: Summary) -> list[str]:
    """Return what a reader must know before comparing figures; empty if there is nothing."""
    found = []
    if not summary.comparable:
        names = [
            f"{machine_label(summary, each)} = {each.device_name} "
            f"({each.device}, {count_threads(each)})"
            for each in summary.machines
        ]
        found.append(
            f"The records come from {len(names)} machines: {'; '.join(names)}. Their figures are "
            "**not comparable**; plots are left out."
        )
    if elsewhere := _measured_elsewhere(summary.records):
        found.append(
            f"Metric values of {format_count_of(sum(elsewhere.values()), 'record')} were measured "
            f"on {' and '.join(elsewhere)}. They are the same on any machine to rounding."
        )
    made_by = count_provenances(summary.records)
    for number, what in (
        (len({each.code for each in made_by}), "commits"),
        (len({each.torch for each in made_by}), "torch releases"),
    ):
        if number > 1:
            found.append(f"The records come from {number} {what} ([list](#environment)).")
    if mixed := _mixed_metrics(summary.records):
        found.append(
            f"The values of {' and '.join(mixed)} follow several protocols (listed below). Values "
            "of different protocols are **not comparable**."
        )
    if any(record.dirty for record in summary.records):
        found.append("Some records come from code with uncommitted changes.")
    return found


def count_threads(machine: Machine) -> str:
    """Write the number of threads of a machine."""
    return format_count_of(machine.threads, "thread")


def _measured_elsewhere(records: Iterable[Record]) -> dict[str, int]:
    """Count the records with metric values by machine, where it is not the report's."""
    found: dict[str, int] = {}
    for record in records:
        name = record.environment.get("device_name")
        own = record.kind in ("quality", "curve") and not is_external(record)
        if own and name is not None and name != record.case.device_name:
            found[name] = found.get(name, 0) + 1
    return found


def _mixed_metrics(records: Iterable[Record]) -> list[str]:
    """Name the metrics whose values follow different protocols."""
    texts: dict[str, set[str]] = {metric.name: set() for metric in METRICS}
    for record in records:
        if record.kind in ("quality", "curve") and record.status == "ok":
            for name in texts.keys() & (record.protocol or {}).keys():
                texts[name].add(without_outputs((record.protocol or {})[name]))
    return [metric.title for metric in METRICS if len(texts[metric.name]) > 1]
