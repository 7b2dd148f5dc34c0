"""Peak memory of both sides: a process for each call, with a fixed allocator. No torch."""

from bench.gate.cases import CaseResult, GateCase
from bench.gate.context import SIDES, GateContext
from bench.gate.side_client import METER_FILE, SideError
from bench.gate.verdicts import Finding, Verdict, judge_ranges
from bench.worker.allocator import FIXED_ALLOCATOR
from pcakd.utils.resolutions import parse_resolution

_LEAST, _MOST = 2, 5  # processes of each side
_SURE = 4  # that many of each side differ in the same direction by chance in one of 35 cases


def compare_memory(context: GateContext, case: GateCase) -> CaseResult:
    """Compare the peak memory of one call; more processes only while the ranges overlap."""
    values: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(_MOST):
        for side in SIDES if number % 2 == 0 else SIDES[::-1]:
            try:
                values[side].append(_measure(context, side, case))
            except SideError as error:
                verdict: Verdict = "failed" if side == "head" else "not comparable"
                return CaseResult(case=case, verdict=verdict, reason=f"{side}: {error}")
        if number + 1 < _LEAST:
            continue
        over = number + 1 == _MOST or context.is_over
        finding = judge_ranges(values["base"], values["head"], margin=case.margin, over=over)
        changed = finding.verdict in ("worse", "improved")
        if finding.verdict is not None and (number + 1 >= _SURE or over or not changed):
            break
    assert finding.verdict is not None  # noqa: S101 (the last look decides)
    return CaseResult(
        case=case,
        verdict=finding.verdict,
        reason=_advise(finding),
        finding=finding,
        base=sorted(values["base"])[len(values["base"]) // 2],
        head=sorted(values["head"])[len(values["head"]) // 2],
        base_samples=[[each] for each in values["base"]],
        head_samples=[[each] for each in values["head"]],
    )


def _advise(finding: Finding) -> str | None:
    """Say why a case is inconclusive, and what would settle it."""
    if finding.verdict != "inconclusive":
        return None
    settles = "budget_seconds" if finding.count < _MOST else "an override of its margin"
    return f"the peaks of {finding.count} processes a side overlap ({settles} would settle it)"


def _measure(context: GateContext, side: str, case: GateCase) -> float:
    size = parse_resolution(case.resolution or "")
    with context.start(side, seconds=case.seconds, environment=FIXED_ALLOCATOR) as process:
        context.begin(process)
        answer = process.ask(
            "memory",
            subject=case.subject,
            device=context.device,
            width=size.width,
            height=size.height,
            threads=case.threads,
            meter=str(METER_FILE),
            **{role: str(path) for role, path in context.images.items()},
        )
    return float(max(1, answer["peak_bytes"]))
