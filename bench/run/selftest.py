"""A/A test: one subject is measured under two names, as a benchmark profile would. No torch.

Both names have the same true latency, and their true ratio is 1. How often the measured intervals
say otherwise is the false-alarm rate of the benchmark on this machine.
"""

from collections.abc import Iterable
from dataclasses import replace

from bench.plan.cases import PlannedCase, SubjectInfo
from bench.plan.settings import CaseSettings
from bench.records.identity import Machine
from bench.records.schema import Record
from bench.run.context import Bar, RunContext
from bench.run.cost import LATENCY_PROTOCOL, plan_size, time_case
from bench.run.speed_ratio import measure_ratio, plan_ratio
from pcakd.errors import ConfigError
from pcakd.utils.resolutions import Resolution

NAMES = ("A", "B")
"""The two names of the subject."""

NEIGHBOURS = "neighbours"
"""The entry of a record's environment for the endless loops that ran beside the measurement."""

_PROTOCOL = {"latency": LATENCY_PROTOCOL, "self-test": "one subject under the names A and B"}


def plan_selftest(
    subject: SubjectInfo,
    settings: CaseSettings,
    resolution: Resolution,
    machine: Machine,
    *,
    comparisons: int,
) -> list[PlannedCase]:
    """List the cases of all comparisons: the processes of A and B in turn, and their speed ratios.

    A comparison has ``settings.processes`` repeats of each case; repeats count on from one
    comparison to the next.

    Raises:
        ConfigError: The cost of the subject is not measured.
    """
    first, second = (replace(subject, name=name) for name in NAMES)
    cost = [
        plan_size("cost", each, resolution, settings=settings, machine=machine)
        for each in (first, second)
    ]
    ratio = plan_ratio((first, second), (settings, settings), resolution, machine)
    return [
        replace(planned, repeat=number)
        for number in range(comparisons * settings.processes)
        for planned in (*(cost if number % 2 == 0 else cost[::-1]), ratio)
    ]


def require_neighbours(known: Iterable[Record], neighbours: int) -> None:
    """Check that records of earlier comparisons were measured beside as many endless loops.

    Raises:
        ConfigError: Some were not.
    """
    others = {record.environment.get(NEIGHBOURS, 0) for record in known} - {neighbours}
    if others:
        found = ", ".join(map(str, sorted(others)))
        raise ConfigError(
            f"--resume: the folder has records with --neighbours {found}; "
            f"use --neighbours {found} or another --out"
        )


def run_selftest(context: RunContext, cases: list[PlannedCase], bar: Bar) -> list[Record]:
    """Measure the cases in their order; those that the folder has are kept."""
    records = []
    for planned in cases:
        if planned.case.kind == "pair":
            record = measure_ratio(context, planned)
        else:
            record = context.recorder.find(planned) or context.recorder.write(
                planned, protocol=_PROTOCOL, **time_case(context, planned)
            )
        records.append(record)
        bar.update()
    return records
