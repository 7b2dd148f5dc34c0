"""Claims about speed, from speed ratios."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.analysis.ratios import SpeedRatio, format_ratio
from bench.analysis.stats import Ends, Interval
from bench.claims.evidence import Place, describe_place, find_speeds
from bench.claims.published import OVERALL_PAIRS, OVERALL_SPEED, PEERS, STUDENTS, SpeedClaim
from bench.claims.rows import ClaimRow, join_remarks, missing_row, no_record
from bench.claims.verdicts import Finding, judge_speed
from bench.records.schema import Record

_OVERALL = "Faster than existing models, overall"


def speed_rows(
    claim: SpeedClaim, speeds: Sequence[SpeedRatio], *, note: str = ""
) -> list[ClaimRow]:
    """Judge one claim at each place where it was measured; ``note`` is added to the remarks."""
    rows = []
    for place, (ratio, record) in find_speeds(speeds, claim.slow, claim.fast.subject).items():
        judged = judge_speed(ratio, least=claim.least, most=claim.most) if ratio else None
        finding = judged or _failed(record)
        row = _speed_row(claim.title, claim.published, place, ratio, finding)
        rows.append(replace(row, remark=join_remarks(row.remark, note)))
    if rows:
        return rows
    missing = no_record(f"bench ratio {claim.slow} {claim.fast.subject} --out DIR")
    return [missing_row(claim.title, claim.published, "ratio", missing)]


def _speed_row(
    claim: str, published: str, place: Place, ratio: Interval | None, finding: Finding
) -> ClaimRow:
    on_cpu = "measured on a CPU; the paper measured on a GPU"
    return ClaimRow(
        claim=claim,
        published=published,
        measured=f"{format_ratio(ratio.value)}×" if ratio else "—",
        span=_span(ratio.ends, (ratio.value, ratio.value)) if ratio and ratio.ends else "—",
        place=describe_place(place),
        verdict=finding.verdict,
        remark=join_remarks(finding.remark, on_cpu if ratio and place[0].device == "cpu" else ""),
        unit="ratio",
        value=ratio.value if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        count=ratio.count if ratio else None,
    )


def _span(ends: Ends, beside: Ends) -> str:
    low, high = (format_ratio(*each) for each in zip(ends, beside, strict=True))
    return f"{low} to {high}"


def _failed(record: Record) -> Finding:
    reason = record.reason or "no reason recorded"
    return Finding(verdict="not comparable", remark=f"ended with {record.status}: {reason}")


def overall_rows(speeds: Sequence[SpeedRatio], *, note: str = "") -> list[ClaimRow]:
    """Judge the range of all speed-ups over existing models, for each place."""
    least, most = OVERALL_SPEED
    published = f"{least:g} to {most:g}×"
    others = [(peer, student.subject) for student in STUDENTS for peer in PEERS]
    found = {pair: find_speeds(speeds, *pair) for pair in dict.fromkeys([*OVERALL_PAIRS, *others])}
    rows = []
    for place in dict.fromkeys(place for each in found.values() for place in each):
        measured = {pair: each[place][0] for pair, each in found.items() if place in each}
        ratios = {pair: ratio for pair, ratio in measured.items() if ratio is not None}
        row = _overall_row(published, place, ratios)
        rows.append(replace(row, remark=join_remarks(row.remark, note)))
    if rows:
        return rows
    missing = Finding(verdict="not comparable", remark=f"no record: {_to_run(OVERALL_PAIRS)}")
    return [missing_row(_OVERALL, published, "ratio", missing)]


def _overall_row(
    published: str, place: Place, ratios: Mapping[tuple[str, str], Interval]
) -> ClaimRow:
    """Return the row of the smallest and the greatest ratio, with the outer interval ends."""
    finding = _judge_overall(ratios)
    if not ratios:
        return _speed_row(_OVERALL, published, place, None, finding)
    least = min(ratios.values(), key=lambda each: each.value)
    most = max(ratios.values(), key=lambda each: each.value)
    row = _speed_row(_OVERALL, published, place, least, finding)
    if least is most:
        return row
    row = replace(
        row,
        measured=f"{format_ratio(least.value)} to {format_ratio(most.value)}×",
        span="—",
        value=None,
        low=None,
        high=None,
        count=min(each.count for each in ratios.values()),
    )
    known = [(*each.ends, each.value) for each in ratios.values() if each.ends]
    if len(known) < len(ratios):
        return row
    low, _, lowest = min(known)
    _, high, highest = max(known, key=lambda each: each[1])
    return replace(row, span=_span((low, high), (lowest, highest)), low=low, high=high)


def _judge_overall(ratios: Mapping[tuple[str, str], Interval]) -> Finding:
    """Judge all speed ratios of a place: one below fails the claim, and all are needed."""
    least, most = OVERALL_SPEED
    findings = {pair: judge_speed(r, least=least, most=most) for pair, r in ratios.items()}
    outside = _remarks(findings, "not reproduced")
    if outside:
        return Finding(verdict="not reproduced", remark=outside)
    missing = [pair for pair in OVERALL_PAIRS if pair not in ratios]
    if missing:
        return Finding(verdict="not comparable", remark=f"incomplete: {_to_run(missing)}")
    unclear = _remarks(findings, "not comparable")
    if unclear:
        return Finding(verdict="not comparable", remark=unclear)
    above = _remarks(findings, "exceeded")
    return Finding(verdict="exceeded" if above else "reproduced", remark=above)


def _remarks(findings: Mapping[tuple[str, str], Finding], verdict: str) -> str:
    return "; ".join(
        f"{fast} against {slow}: {finding.remark}"
        for (slow, fast), finding in findings.items()
        if finding.verdict == verdict
    )


def _to_run(pairs: Sequence[tuple[str, str]]) -> str:
    names = ", ".join(f"`{slow} {fast}`" for slow, fast in pairs)
    return f"run `python -m bench ratio A B --out DIR` with {names}"
