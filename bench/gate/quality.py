"""Outputs of both sides on image pairs: equal, or metrics of both. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.gate.cases import CaseResult, GateCase
from bench.gate.context import SIDES, GateContext
from bench.gate.side_client import SideError
from bench.gate.verdicts import Finding, Verdict
from bench.machine.memory import host_bytes
from bench.quality.protocol import METRICS
from bench.worker.process import Budget, Message, ask_child
from pcakd.errors import ConfigError

_ERROR = 0.05  # of each one-sided interval over image pairs
_LEAST_PAIRS = 6
_MOST_FORECAST = 10_000  # image pairs
_HIGHER_IS_BETTER: dict[str, bool] = {each.name: each.higher_is_better for each in METRICS}


def compare_quality(context: GateContext, cases: Sequence[GateCase]) -> list[CaseResult]:
    """Compare the outputs of one subject; metrics only where outputs differ.

    Equal outputs give one result, of the first case, in place of one for each metric.

    Args:
        context: The gate.
        cases: The cases of one subject, one for each metric.

    Raises:
        ConfigError: A metric cannot be measured, for example without its weights.
    """
    subject = cases[0].subject
    outputs = replace(cases[0], quantity=None, margin=context.config.tolerance)
    folder = context.scratch / "outputs"
    folder.mkdir(exist_ok=True)
    pairs = [
        {
            "name": pair.name,
            **{f"{role}_array": str(context.scratch / f"{pair.name}_{role}.npy")
               for role in ("content", "style")},
            **{side: str(folder / f"{pair.name}_{side}.npy") for side in SIDES},
        }
        for pair in context.pairs
    ]  # fmt: skip
    for side in SIDES:
        try:
            failures = _stylize(context, side, subject, pairs, seconds=cases[0].seconds)
        except SideError as error:
            failures = {"": str(error)}
        if failures:
            name, reason = next(iter(failures.items()))
            place = f" at image pair {name}" if name else ""
            verdict: Verdict = "failed" if side == "head" else "not comparable"
            return [CaseResult(case=outputs, verdict=verdict, reason=f"{side}{place}: {reason}")]
    compared = _compare(context, pairs, [case.quantity for case in cases])
    if isinstance(compared, str):  # neither side is at fault
        return [CaseResult(case=outputs, verdict="not comparable", reason=compared)]
    # without a base nothing compares, and what head does makes no difference
    broken = min((each for each in compared if each.get("reason")), key=_side_of, default=None)
    if broken is not None:
        reason = f"image pair {broken['name']}: {broken['reason']}"
        verdict = "failed" if _side_of(broken) == "head" else "not comparable"
        return [CaseResult(case=outputs, verdict=verdict, reason=reason)]
    largest = max(float(each["largest"]) for each in compared)
    if largest <= context.config.tolerance:
        text = "equal bit for bit" if largest == 0 else f"equal within {largest:.1e}"
        finding = Finding(verdict="same or better", estimate=largest, count=len(compared))
        return [CaseResult(case=outputs, verdict="same or better", reason=text, finding=finding)]
    worst = min(compared, key=lambda each: np.inf if each["psnr"] is None else each["psnr"])
    reason = f"outputs differ, PSNR {worst['psnr']:.1f} dB at worst (image pair {worst['name']})"
    return [judge_metric(case, compared, reason=reason) for case in cases]


def _side_of(message: Message) -> str:
    """Return the side at which it lies that an image pair has no values; base sorts first."""
    return str(message["side"])


def judge_metric(
    case: GateCase, compared: Sequence[Mapping[str, Any]], *, reason: str
) -> CaseResult:
    """Judge the paired differences of a metric over image pairs.

    The values have no noise of measurement. The interval is over image pairs: would other pairs
    agree? *Worse* is a mean beyond the margin whose one-sided 95 % t interval is above 0; a mean
    beyond it whose interval is not, or of fewer than 6 pairs, is *inconclusive*. Pairs with equal
    outputs count as no difference. This finds more than the wider intervals of reports would; what
    it covers for skewed differences is in docs/gate.md.

    Args:
        case: The case of the metric.
        compared: Messages of `bench.worker.jobs.gate.compare_outputs`.
        reason: How far the outputs are apart.
    """
    name = case.quantity or ""
    sign = -1.0 if _HIGHER_IS_BETTER[name] else 1.0
    measured = [each for each in compared if name in each.get("base", {}) and name in each["head"]]
    if not measured:
        return CaseResult(case=case, verdict="not comparable", reason=f"{name} was not measured")
    base = [[float(each["base"][name])] for each in measured]
    head = [[float(each["head"][name])] for each in measured]
    differences = np.array([sign * (b[0] - a[0]) for a, b in zip(base, head, strict=True)])
    unchanged = sum("base" not in each for each in compared)
    differences = np.concatenate([differences, np.zeros(unchanged)])
    finding = _judge_differences(differences, case.margin)
    assert finding.verdict is not None  # noqa: S101 (all pairs are there)
    if finding.verdict == "inconclusive":
        reason = f"{reason}; {_advise(finding)}"
    return CaseResult(
        case=case,
        verdict=finding.verdict,
        reason=reason,
        finding=finding,
        base=float(np.mean(base)),
        head=float(np.mean(head)),
        base_samples=base,
        head_samples=head,
    )


def _judge_differences(differences: "np.ndarray[Any, Any]", margin: float) -> Finding:
    mean, count = float(differences.mean()), differences.size
    verdict: Verdict = "same or better"
    low = high = needed = None
    if count >= _LEAST_PAIRS:
        half = _half_width(float(differences.std(ddof=1)), count)
        low, high = mean - half, mean + half
    if mean > margin:
        verdict = "worse" if low is not None and low > 0 else "inconclusive"
    elif mean < -margin and high is not None and high < 0:
        verdict = "improved"
    if verdict == "inconclusive" and count > 1:
        deviation = float(differences.std(ddof=1))
        more = range(max(count + 1, _LEAST_PAIRS), _MOST_FORECAST)
        needed = next((n for n in more if _half_width(deviation, n) < mean), None)
    return Finding(verdict=verdict, estimate=mean, low=low, high=high, count=count, needed=needed)


def _half_width(deviation: float, count: int) -> float:
    from scipy.stats import t

    return float(t.isf(_ERROR, count - 1) * deviation / count**0.5)


def _advise(finding: Finding) -> str:
    """Say how many more image pairs would settle an inconclusive metric."""
    if finding.needed is None and finding.count >= _LEAST_PAIRS:
        return "more image pairs that vary as much would not settle it"
    if finding.needed is None:
        return f"at least {_LEAST_PAIRS} image pairs are needed (pairs)"
    return f"about {finding.needed - finding.count} more image pairs would settle it (pairs)"


def _stylize(
    context: GateContext,
    side: str,
    subject: str,
    pairs: Sequence[Mapping[str, str]],
    *,
    seconds: float,
) -> dict[str, str]:
    """Write the outputs of a side; return why image pairs have none."""
    with context.start(side, seconds=seconds * len(pairs)) as process:
        context.begin(process)
        answer = process.ask(
            "stylize",
            subject=subject,
            device=context.device,
            pairs=[
                {
                    "name": pair["name"],
                    "content": pair["content_array"],
                    "style": pair["style_array"],
                    "output": pair[side],
                }
                for pair in pairs
            ],
        )
    failures: dict[str, str] = answer["failures"]
    return failures


def _compare(
    context: GateContext, pairs: Sequence[Mapping[str, str]], metrics: Sequence[str | None]
) -> list[Message] | str:
    job = {
        "job": "gate_outputs",
        "device": context.device,
        "pairs": list(pairs),
        "tolerance": context.config.tolerance,
        "metrics": metrics,
    }
    budget = Budget(seconds=context.config.case_seconds, memory_bytes=host_bytes())
    messages, outcome = ask_child(job, budget=budget)
    if outcome.status == "error":
        raise ConfigError(f"metrics: {outcome.reason}")
    return messages if outcome.status == "ok" else f"metrics: {outcome.reason}"
