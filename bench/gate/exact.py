"""What has no noise: parameters, multiply-adds, and the size of the installed package. No torch."""

import math
from collections.abc import Sequence
from typing import TypeAlias

from bench.gate.cases import CaseResult, GateCase
from bench.gate.context import SIDES, GateContext, explain_shared
from bench.gate.side_client import SideError
from bench.gate.verdicts import judge_exact
from pcakd.utils.resolutions import parse_resolution

Count: TypeAlias = int | str
"""A count, or the reason why there is none."""


def compare_counts(context: GateContext, cases: Sequence[GateCase]) -> list[CaseResult]:
    """Compare parameters and multiply-adds exactly."""
    base, head = (_count(context, side, cases) for side in SIDES)
    return [judge_values(case, base[case], head[case]) for case in cases]


def count_head(context: GateContext, cases: Sequence[GateCase]) -> dict[GateCase, Count]:
    """Return the counts of head."""
    return _count(context, "head", cases)


def compare_sizes(context: GateContext, cases: Sequence[GateCase]) -> list[CaseResult]:
    """Compare the size of the files of the installed distribution."""
    results = []
    for case in cases:
        found: list[Count] = []
        sources: list[str | None] = []
        for side in SIDES:
            try:
                with context.start(side, seconds=case.seconds) as process:
                    answer = process.ask("installation", distribution=case.subject)
            except SideError as error:
                found.append(str(error))
                continue
            sources.append(answer["source"])
            size = answer["size"]
            found.append(f"{case.subject} is not installed" if size is None else size)
        shared = explain_shared(context.sides, *sources) if len(sources) == len(SIDES) else None
        results.append(
            judge_values(case, *found)
            if shared is None
            else CaseResult(case=case, verdict="not comparable", reason=shared)
        )
    return results


def judge_values(case: GateCase, base: float | str, head: float | str) -> CaseResult:
    """Judge a quantity without noise; a text is the reason why a side has none.

    >>> case = GateCase(kind="size", subject="package", margin=0.05)
    >>> judge_values(case, 1000, 1100).verdict, judge_values(case, 1000, "crashed").verdict
    ('worse', 'failed')
    """
    if isinstance(base, str):
        return CaseResult(case=case, verdict="not comparable", reason=f"base: {base}")
    if isinstance(head, str):
        return CaseResult(case=case, verdict="failed", reason=f"head: {head}", base=base)
    change = math.log(head / base) if base > 0 and head > 0 else float(head - base)
    finding = judge_exact(change, margin=case.margin)
    assert finding.verdict is not None  # noqa: S101 (an exact value is always judged)
    return CaseResult(case=case, verdict=finding.verdict, finding=finding, base=base, head=head)


def _count(context: GateContext, side: str, cases: Sequence[GateCase]) -> dict[GateCase, Count]:
    """Return the counts of a side, subject by subject."""
    counts: dict[GateCase, Count] = {}
    for subject in dict.fromkeys(case.subject for case in cases):
        own = [case for case in cases if case.subject == subject]
        resolutions = list(dict.fromkeys(each.resolution for each in own if each.resolution))
        context.bar.set_description(f"counts of {subject}, {side}")
        sizes = [(each.width, each.height) for each in map(parse_resolution, resolutions)]
        try:
            with context.start(side, seconds=max(each.seconds for each in own)) as process:
                context.begin(process)
                num_params: Count = process.ask("identify", subject=subject)["num_params"]
                macs = process.ask("count", subject=subject, sizes=sizes)["macs"] if sizes else []
        except SideError as error:
            counts |= dict.fromkeys(own, str(error))
            continue
        by_size = dict(zip(resolutions, macs, strict=True))
        for case in own:
            counts[case] = num_params if case.resolution is None else by_size[case.resolution]
    return counts
