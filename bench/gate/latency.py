"""Latency, speed-ups and import times of both sides, interleaved in several launches. No torch."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TypeAlias

from bench.gate.cases import CaseResult, GateCase
from bench.gate.context import SIDES, GateContext, explain_shared
from bench.gate.side_client import SideError, SideProcess
from bench.gate.verdicts import Finding, SequentialTest, Verdict, launch_sample
from pcakd.utils.resolutions import parse_resolution

Blocks: TypeAlias = list[list[int]]
"""Nanoseconds of the two calls of a series in each block."""


@dataclass(slots=True)
class OpenCase:
    """A case that is measured, launch by launch.

    Attributes:
        case: The case.
        test: Its sequential test.
        samples: The logarithm of head over base of each launch, positive where head is worse.
        values: Raw nanoseconds of both series, for each launch: base and head, or the slow and the
            fast subject of a speed-up.
        finding: What the samples say so far.
        failure: The verdict of a case that cannot be measured, and why.
    """

    case: GateCase
    test: SequentialTest
    samples: list[float] = field(default_factory=list)
    values: tuple[Blocks, Blocks] = field(default_factory=lambda: ([], []))
    finding: Finding | None = None
    failure: tuple[Verdict, str] | None = None

    @property
    def is_open(self) -> bool:
        """Whether more launches can change the verdict."""
        return self.failure is None and (self.finding is None or self.finding.verdict is None)

    def add(self, first: Blocks, second: Blocks) -> None:
        """Add the blocks of a launch: in each two calls of either series."""
        calls = [[ns for block in blocks for ns in block] for blocks in (first, second)]
        sample = launch_sample(*calls)
        if self.case.floor is not None:  # worse is a smaller ratio of slow to fast
            sample += math.log(self.case.floor)
        self.samples.append(sample)
        for values, own in zip(self.values, calls, strict=True):
            values.append(own)
        self.judge()

    def judge(self, *, over: bool = False) -> None:
        """Judge the samples so far."""
        if self.failure is None and self.samples and self.is_open:
            self.finding = self.test.judge(self.samples, margin=self.case.margin, over=over)

    def result(self) -> CaseResult:
        """Return the result of a case that is decided or over."""
        if self.failure is not None:
            verdict, reason = self.failure
            return CaseResult(case=self.case, verdict=verdict, reason=reason)
        if self.finding is None or self.finding.verdict is None:
            reason = "the budget ended before it was measured"
            return CaseResult(case=self.case, verdict="inconclusive", reason=reason)
        first, second = (median(ns for launch in each for ns in launch) for each in self.values)
        floor = self.case.floor
        return CaseResult(
            case=self.case,
            verdict=self.finding.verdict,
            reason=_explain(self.finding, self.case),
            finding=self.finding,
            base=first if floor is None else floor,
            head=second if floor is None else first / second,
            base_samples=self.values[0],
            head_samples=self.values[1],
        )


def compare_latency(
    context: GateContext, cases: Sequence[GateCase], *, error: float
) -> list[CaseResult]:
    """Measure cases of latency, speed-up and import time until all are decided or time is over.

    Args:
        context: The gate.
        cases: The cases.
        error: Probability that a case without a change is called worse.
    """
    opened = [
        OpenCase(case=case, test=SequentialTest(error=error, max_launches=case.max_launches))
        for case in cases
    ]
    launch = 0
    while (active := [each for each in opened if each.is_open]) and not context.is_over:
        _run_launch(context, active, launch)
        launch += 1
        _show(context, opened, launch)
    for each in opened:
        each.judge(over=True)
    return [each.result() for each in opened]


def _run_launch(context: GateContext, cases: Sequence[OpenCase], number: int) -> None:
    """Measure each open case once, in new processes; odd launches exchange the order."""
    order = SIDES if number % 2 == 0 else SIDES[::-1]
    with _Launch(context) as launch:
        for each in cases:
            if context.is_over:
                return
            case = each.case
            context.bar.set_description(f"launch {number + 1}: {case.name}")
            try:
                if case.kind == "import":
                    blocks, shared = _time_imports(context, case, order)
                    if shared is not None:
                        each.failure = "not comparable", shared
                elif case.kind == "speedup":
                    slow, fast = case.subject.split()
                    series = {"slow": ("head", slow), "fast": ("head", fast)}
                    names = ("slow", "fast") if number % 2 == 0 else ("fast", "slow")
                    timed = launch.time_blocks(case, {name: series[name] for name in names})
                    blocks = timed["slow"], timed["fast"]
                else:
                    timed = launch.time_blocks(case, {side: (side, case.subject) for side in order})
                    blocks = timed["base"], timed["head"]
            except SideError as error:
                launch.drop(error.side)
                verdict: Verdict = "failed" if error.side == "head" else "not comparable"
                each.failure = verdict, f"{error.side}: {error}"
            else:
                each.add(*blocks)


class _Launch:
    """A process of each side, started when first needed and again after a failure."""

    def __init__(self, context: GateContext) -> None:
        self._context = context
        self._processes: dict[str, SideProcess] = {}

    def __enter__(self) -> "_Launch":
        return self

    def __exit__(self, *error: object) -> None:
        for side in list(self._processes):
            self.drop(side)

    def start(self, sides: Iterable[str], seconds: float) -> None:
        """Start the processes of sides that have none, all at a time.

        Raises:
            SideError: A side fails.
        """
        new = [side for side in sides if side not in self._processes]
        try:
            for side in new:
                self._processes[side] = self._context.start(side, seconds=seconds)
                self._context.send_begin(self._processes[side])
            for side in new:
                self._processes[side].receive()
        except SideError:
            for side in new:  # the answer of the other one may be unread
                self.drop(side)
            raise

    def drop(self, side: str) -> None:
        """End the process of a side, if it has one."""
        process = self._processes.pop(side, None)
        if process is not None:
            process.close()

    def time_blocks(
        self, case: GateCase, series: Mapping[str, tuple[str, str]]
    ) -> dict[str, Blocks]:
        """Time blocks of four calls: first series, second, second, first.

        Args:
            case: The case.
            series: Side and subject of the two series, in the order in which they are prepared.

        Raises:
            SideError: A side fails.
        """
        config = self._context.config
        self.start(dict.fromkeys(side for side, _ in series.values()), case.seconds)
        calls = {name: self._prepare(case, name, *place) for name, place in series.items()}
        for call in calls.values():
            call(config.warmup)
        blocks: dict[str, Blocks] = {name: [] for name in series}
        first, second = calls
        for _ in range(config.blocks):
            before, inner, after = calls[first](1), calls[second](2), calls[first](1)
            blocks[first].append([*before, *after])
            blocks[second].append(inner)
        for name, (side, _) in series.items():
            self._processes[side].ask("close", case=f"{name} {case.name}")
        return blocks

    def _prepare(
        self, case: GateCase, name: str, side: str, subject: str
    ) -> Callable[[int], list[int]]:
        """Open a subject in the process of a side; return what times a number of calls."""
        context, key = self._context, f"{name} {case.name}"
        process = self._processes[side]
        process.seconds = case.seconds
        size = parse_resolution(case.resolution or "")
        process.ask(
            "open",
            case=key,
            subject=subject,
            device=context.device,
            width=size.width,
            height=size.height,
            threads=case.threads,
            slow_down=context.sides[side].slow_down,
            **{role: str(path) for role, path in context.images.items()},
        )

        def time_calls(count: int) -> list[int]:
            answer = process.ask("time", case=key, device=context.device, calls=count)
            samples: list[int] = answer["latency_ns"]
            return samples

        return time_calls


def _time_imports(
    context: GateContext, case: GateCase, order: Sequence[str]
) -> tuple[tuple[Blocks, Blocks], str | None]:
    """Time the import of the package in four new processes, as one block.

    Returns:
        The blocks of base and head, and why they do not compare, if they do not.
    """
    found: dict[str, list[int]] = {side: [] for side in SIDES}
    sources: dict[str, str | None] = {}
    for side in (order[0], order[1], order[1], order[0]):
        with context.start(side, seconds=case.seconds) as process:
            answer = process.ask("import", package=case.subject)
        found[side].append(answer["import_ns"])
        sources[side] = answer["source"]
    shared = explain_shared(context.sides, sources["base"], sources["head"])
    return ([found["base"]], [found["head"]]), shared


def _explain(finding: Finding, case: GateCase) -> str | None:
    """Say what would settle an inconclusive case, or that a floor is too low."""
    if finding.verdict == "improved" and case.floor is not None:
        return "faster than the floor by more than the margin; raise the floor"
    return advise(finding, settings="max_launches, budget_seconds")


def advise(finding: Finding, *, settings: str) -> str | None:
    """Say how many more launches would settle an inconclusive case; None for any other.

    Args:
        finding: What its launches say.
        settings: What the user can change, the most launches and the budget.
    """
    if finding.verdict != "inconclusive":
        return None
    if finding.count < 2:
        return f"after one launch, which has no variation to judge by ({settings})"
    if finding.needed is None:
        return f"after {finding.count} launches; more of the same noise would not settle it"
    more = max(1, finding.needed - finding.count)
    return f"about {more} more launches would settle it ({settings})"


def _show(context: GateContext, cases: Sequence[OpenCase], launches: int) -> None:
    decided = sum(not each.is_open for each in cases)
    context.bar.set_postfix_str(f"{decided} of {len(cases)} decided after {launches} launches")
