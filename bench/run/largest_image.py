"""The largest image of a subject within a memory: each size is tried in a child. No torch.

Sizes are 16:9, ``16 k × 9 k`` pixels for a whole k, and the style is as large as the content. A
network whose stride does not divide them pads them itself, as it does in every other case.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.machine.memory import host_bytes
from bench.plan.cases import Resolution, SubjectInfo
from bench.records.schema import Case, Obtained, Record, Status
from bench.run.bisection import Bounds, End, Found, Trial, Verdict, find_largest
from bench.run.cost import START_SECONDS
from bench.run.recorder import Recorder
from bench.worker.process import NO_ANSWER, Budget, Message, Outcome, ask_child
from pcakd.errors import ConfigError

SMALLEST = 16  # 256 × 144 pixels
LARGEST = "8K"

_TIMES_TOO_LARGE = 2
"""In so many processes a size must run out, for now and then a heap grows more than it does else.

Torch's allocator on CUDA repeats itself: once is enough there.
"""

_NS = 1e9
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_PROTOCOL = {
    "capacity": "16:9, 16 k × 9 k pixels for a whole k, style as large as content; one cold call a "
    "size, each in a process of its own; searched until the next larger size that was tried and "
    "ran out is at most 2 % of the side, or one k, above; on a CPU memory is what the case adds to "
    "its process, watched from outside and judged by peak_bytes, and a size that ran out is tried "
    "twice; on CUDA torch's allocator refuses "
    "more, what it caches included"
}
_LIMITS: Mapping[End, str] = {
    "time": "time budget",
    "timeout": "time budget",
    "machine": "this machine's memory",
    "size": "size asked for",
    "trials": "number of probes",
    "error": "error",
}
"""What a lower bound is limited by, as its reason begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRunner:
    """Finds the largest images of subjects and records them.

    Attributes:
        recorder: Takes the records.
        device: Name of the device, as children are told.
        memory_bytes: Memory of the device.
        command: How to start a child.
    """

    recorder: Recorder
    device: str
    memory_bytes: int
    command: Sequence[str]

    def run(
        self,
        subject: SubjectInfo,
        case: Case,
        *,
        seconds: float,
        on_probe: Callable[[str], object] = lambda size: None,
    ) -> Record:
        """Bring one case to its record.

        Args:
            subject: What stylizes.
            case: Of `bench.plan.cases.plan_capacity`.
            seconds: The time budget of each probe.
            on_probe: Told the size of each probe before it starts.
        """
        record = self.recorder.find(case)
        if record is not None:
            return record

        attempts: list[tuple[int, Trial]] = []

        def probe(scale: int) -> Trial:
            for _ in range(1 if case.device == "cuda" else _TIMES_TOO_LARGE):
                on_probe(write_size(scale))
                attempts.append((scale, self._probe(subject, case, scale, seconds)))
                if attempts[-1][1].verdict != "too_large":
                    break
            return attempts[-1][1]

        bounds = Bounds(
            smallest=SMALLEST,
            largest=largest_scale(case.width or 0, case.height or 0),
            memory_bytes=case.memory_bytes or 0,
            seconds=max(1.0, seconds - START_SECONDS),
        )
        found = find_largest(probe, bounds)
        fields = _record_fields(found, attempts, seconds)
        return self.recorder.write(case, protocol=_PROTOCOL, **fields)

    def _probe(self, subject: SubjectInfo, case: Case, scale: int, seconds: float) -> Trial:
        """Stylize once at a size, in a child that may not take more than the given memory."""
        fraction = self.recorder.profile.memory_fraction
        given = case.memory_bytes or 0
        width, height = scale_size(scale)
        job = {
            "job": "capacity",
            "subject": subject.source,
            "device": self.device,
            "width": width,
            "height": height,
            "transform": case.transform,
            "memory_bytes": given,
            "memory_fraction": fraction,
        }
        budget = Budget(
            seconds=seconds,
            memory_bytes=int(fraction * host_bytes()),
            added_bytes=None if case.device == "cuda" else given,
        )
        answers, outcome = ask_child(job, budget=budget, command=self.command)
        final = next((each for each in answers if each["type"] == "capacity"), None)
        return judge(outcome, final, given=given, allowed=int(fraction * self.memory_bytes))


def judge(outcome: Outcome, answer: Message | None, *, given: int, allowed: int) -> Trial:
    """Tell what a child's end says of the size that it tried.

    The peak that the child reports decides. Without one, it was out of memory of what it was given
    unless the machine's share came first.

    Args:
        outcome: The child's end.
        answer: Its last message, with the peak, if it came to one.
        given: The memory that the case is given, in bytes.
        allowed: The machine's share for a case, in bytes.
    """
    if outcome.status == "ok" and answer is not None:
        peak = answer["peak_bytes"]
        if peak > given:
            reason = f"took {peak / 2**20:,.0f} MiB at its peak"
            return Trial(verdict="too_large", peak_bytes=peak, reason=reason)
        return Trial(verdict="fits", peak_bytes=peak, seconds=answer["latency_ns"] / _NS)
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


def require_room(largest: Resolution) -> None:
    """Check that a largest size to try is not below the smallest one.

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
        ConfigError: It is none, or zero.

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
    """Return the record fields of a search's end and of all that was tried for it."""
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
    """Return status and reason; a found limit of memory needs no reason, a lower bound does."""
    scale, last = found.trials[-1]
    told = f"{write_size(scale)}: {last.reason}"
    if found.end == "memory":
        return ("ok", None) if found.largest else ("oom", told)
    if found.end == "error" or found.largest is None:
        ends: dict[str, Status] = {"timeout": "timeout", "machine": "oom"}
        return ends.get(found.end, "error"), told
    texts: dict[End, str] = {
        "time": f"larger sizes would take longer than {seconds:g} s",
        "size": f"nothing above {write_size(scale)} was to be tried",
        "trials": f"none was left after {len(found.trials)}",
    }
    return "ok", f"{_LIMITS[found.end]}: {texts.get(found.end, told)}"


def _describe_probe(scale: int, trial: Trial) -> dict[str, int]:
    width, height = scale_size(scale)
    probe = {"width": width, "height": height}
    if trial.verdict in ("fits", "too_large"):
        probe["fits"] = int(trial.verdict == "fits")
    if trial.peak_bytes is not None:
        probe["peak_bytes"] = trial.peak_bytes
    return probe
