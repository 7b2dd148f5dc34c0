"""The largest image of each subject within a memory; each size runs in a child. No torch.

Sizes are 16:9, ``16 k × 9 k`` pixels for a whole k. The style is as large as the content. A network
whose stride does not divide a size pads it, as in every other case.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.plan.cases import PlannedCase, SubjectInfo, create_case
from bench.plan.config import BenchmarkProfile
from bench.plan.settings import CaseSettings
from bench.records.identity import Machine
from bench.records.schema import Obtained, Record, Status
from bench.records.units import NS_PER_S
from bench.run.bisection import Bounds, End, Found, Trial, Verdict, find_largest
from bench.run.context import START_SECONDS, Bar, Measurement, RunContext, RunDescription
from bench.worker.allocator import FIXED_ALLOCATOR
from bench.worker.process import NO_ANSWER, Message, Outcome
from pcakd.errors import ConfigError
from pcakd.utils.resolutions import Resolution, parse_resolution

SMALLEST = 16  # 256 × 144 pixels
LARGEST = "8K"

_TIMES_TOO_LARGE = 2
"""A size is too large on a CPU if it runs out of memory in two processes: the heap varies a little.

On CUDA, torch's allocator repeats itself, and once is enough.
"""

_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_PROTOCOL = {
    "capacity": "sizes of 16 k × 9 k pixels for a whole k, the shipped image pair 01 cut or "
    "continued by reflection, the style as large as the content; each "
    "size is one call after one on a small image, in a new process that returns freed memory to "
    "the system at once; the search ends when the smallest size that ran out of memory exceeds the "
    "largest that fits by at most 2 % of the side, or by one k; "
    "on a CPU, memory is what the case adds to its process: the parent process enforces the limit, "
    "peak_bytes decides, and a size that ran out of memory is tried twice; on CUDA, the limit of "
    "torch's allocator, which includes its cache, decides"
}
_LIMITS: Mapping[End, str] = {
    "time": "time budget",
    "timeout": "time budget",
    "machine": "this machine's memory",
    "size": "size asked for",
    "trials": "number of probes",
    "error": "error",
}
"""What limits a lower bound; its reason begins with it."""


def plan(profile: BenchmarkProfile, description: RunDescription) -> list[PlannedCase]:
    """List one case for each subject whose cost is measured, if the profile gives a memory."""
    if not profile.capacity_gib:
        return []
    machine, largest = description.machine, parse_resolution(LARGEST)
    return [
        plan_largest(each, profile.settings(each.name, machine.device), largest, machine)
        for each in description.subjects
        if each.cost_subject is None
    ]


def plan_largest(
    subject: SubjectInfo, settings: CaseSettings, largest: Resolution, machine: Machine
) -> PlannedCase:
    """Plan the search for the largest image of a subject within ``settings.capacity_gib``.

    Args:
        subject: The subject.
        settings: Their ``case_seconds`` are the time budget of each size.
        largest: The largest size to try.
        machine: Where it computes.
    """
    case = create_case(
        "capacity",
        subject,
        machine,
        resolution=largest.name,
        width=largest.width,
        height=largest.height,
        samples=1,
        memory_bytes=int(settings.capacity_gib * 2**30),
    )
    return PlannedCase(case=case, subject=subject, settings=settings, seconds=settings.case_seconds)


def run(context: RunContext, cases: Sequence[PlannedCase], bar: Bar) -> list[Record]:
    """Search for the largest image of each case."""
    records = []
    for planned in cases:

        def show(size: str, name: str = planned.case.subject) -> None:
            bar.set_description(f"largest image of {name}: {size}")

        records.append(search_largest(context, planned, on_size=show))
        bar.update()
    return records


MEASUREMENT = Measurement(name="capacity", kind="capacity", plan=plan, run=run)


def search_largest(
    context: RunContext,
    planned: PlannedCase,
    *,
    on_size: Callable[[str], object] = lambda size: None,
) -> Record:
    """Search for the largest image of one case and record it.

    Args:
        context: The run.
        planned: A case of `plan_largest`.
        on_size: Called with each size before it is tried.
    """
    record = context.recorder.find(planned)
    if record is not None:
        return record
    case = planned.case
    attempts: list[tuple[int, Trial]] = []

    def probe(scale: int) -> Trial:
        for _ in range(1 if case.device == "cuda" else _TIMES_TOO_LARGE):
            on_size(write_size(scale))
            attempts.append((scale, _try_scale(context, planned, scale)))
            if attempts[-1][1].verdict != "too_large":
                break
        return attempts[-1][1]

    bounds = Bounds(
        smallest=SMALLEST,
        largest=largest_scale(case.width or 0, case.height or 0),
        memory_bytes=case.memory_bytes or 0,
        seconds=max(1.0, planned.seconds - START_SECONDS),
    )
    found = find_largest(probe, bounds)
    fields = _record_fields(found, attempts, planned.seconds)
    return context.recorder.write(planned, protocol=_PROTOCOL, **fields)


def _try_scale(context: RunContext, planned: PlannedCase, scale: int) -> Trial:
    """Stylize once at a size, in a child process that may add no more than the given memory."""
    given = planned.case.memory_bytes or 0
    width, height = scale_size(scale)
    job = {"job": "capacity", "width": width, "height": height, "memory_bytes": given}
    added_bytes = None if planned.case.device == "cuda" else given
    answers, outcome = context.measure(
        job, planned, added_bytes=added_bytes, environment=FIXED_ALLOCATOR
    )
    final = next((each for each in answers if each["type"] == "capacity"), None)
    return judge(outcome, final, given=given, allowed=context.allowed_bytes(planned.settings))


def judge(outcome: Outcome, answer: Message | None, *, given: int, allowed: int) -> Trial:
    """Return whether a size fits, from how its child process ended.

    The peak that the child reports decides. Without one, an out-of-memory end means that the size
    is too large, unless the machine's limit came first.

    Args:
        outcome: How the child ended.
        answer: Its last message with the peak, if there is one.
        given: The memory of the case, in bytes.
        allowed: The machine's limit for a case, in bytes.
    """
    if outcome.status == "ok" and answer is not None:
        peak = answer["peak_bytes"]
        if peak > given:
            reason = f"took {peak / 2**20:,.0f} MiB at its peak"
            return Trial(verdict="too_large", peak_bytes=peak, reason=reason)
        return Trial(verdict="fits", peak_bytes=peak, seconds=answer["latency_ns"] / NS_PER_S)
    if outcome.status == "oom":
        machine = outcome.by_machine or given > allowed
        return Trial(verdict="machine" if machine else "too_large", reason=outcome.reason)
    verdict: Verdict = "timeout" if outcome.status == "timeout" else "error"
    return Trial(verdict=verdict, reason=outcome.reason or NO_ANSWER)


def scale_size(scale: int) -> tuple[int, int]:
    """Return width and height in pixels of a scale k.

    >>> scale_size(16), scale_size(480)
    ((256, 144), (7680, 4320))
    """
    return 16 * scale, 9 * scale


def write_size(scale: int) -> str:
    """Write the size of a scale for people.

    >>> write_size(80)
    '1280×720'
    """
    width, height = scale_size(scale)
    return f"{width}×{height}"


def largest_scale(width: int, height: int) -> int:
    """Return the scale of the largest 16:9 size within a size."""
    return min(width // 16, height // 9)


def require_searchable(largest: Resolution) -> None:
    """Check that the largest size to try is not below the smallest one.

    Raises:
        ConfigError: It is.
    """
    if largest_scale(largest.width, largest.height) < SMALLEST:
        raise ConfigError(
            f"the largest size to try is {largest.width}x{largest.height}; the search begins with "
            f"{'x'.join(map(str, scale_size(SMALLEST)))}, give that or more"
        )


def parse_memory(text: str) -> int:
    """Read an amount of memory such as ``2GiB`` as bytes.

    Raises:
        ConfigError: The text is not an amount, or it is zero.

    >>> parse_memory("1.5GiB"), parse_memory("64 MiB")
    (1610612736, 67108864)
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([KMGT]iB)", text.strip())
    size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if size < 1:
        raise ConfigError(
            f"memory {text!r} is not an amount; give a number with {', '.join(_UNITS)}, as in 2GiB"
        )
    return size


def _record_fields(
    found: Found, attempts: Sequence[tuple[int, Trial]], seconds: float
) -> dict[str, Any]:
    """Return the record fields of a search: its result and every size that was tried."""
    status, reason = _judge_search(found, seconds)
    fields: dict[str, Any] = {
        "status": status,
        "reason": reason,
        "probes": [_describe_probe(scale, trial) for scale, trial in attempts],
    }
    if found.largest is None:
        return fields
    width, height = scale_size(found.largest)
    obtained: dict[str, Obtained] = dict.fromkeys(
        ("largest_width", "largest_height", "peak_bytes"), "measured"
    )
    return {
        **fields,
        "largest_width": width,
        "largest_height": height,
        "peak_bytes": dict(found.trials)[found.largest].peak_bytes,
        "obtained": obtained,
    }


def _judge_search(found: Found, seconds: float) -> tuple[Status, str | None]:
    """Return status and reason. A limit of memory needs no reason; a lower bound does."""
    scale, last = found.trials[-1]
    failure = f"{write_size(scale)}: {last.reason}"
    if found.end == "memory":
        return ("ok", None) if found.largest else ("oom", failure)
    if found.end == "error" or found.largest is None:
        ends: dict[str, Status] = {"timeout": "timeout", "machine": "oom"}
        return ends.get(found.end, "error"), failure
    texts: dict[End, str] = {
        "time": f"larger sizes would take longer than {seconds:g} s",
        "size": f"nothing above {write_size(scale)} was to be tried",
        "trials": f"none was left after {len(found.trials)}",
    }
    return "ok", f"{_LIMITS[found.end]}: {texts.get(found.end, failure)}"


def _describe_probe(scale: int, trial: Trial) -> dict[str, int]:
    width, height = scale_size(scale)
    probe = {"width": width, "height": height}
    if trial.verdict in ("fits", "too_large"):
        probe["fits"] = int(trial.verdict == "fits")
    if trial.peak_bytes is not None:
        probe["peak_bytes"] = trial.peak_bytes
    return probe
