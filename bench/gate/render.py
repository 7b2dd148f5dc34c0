"""A gate's result as a table, Markdown, JSON and JUnit XML. No torch."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from tabulate import tabulate

from bench.gate.cases import CaseResult, GateResult
from bench.gate.verdicts import REGRESSIONS, VERDICTS

if TYPE_CHECKING:
    from bench.gate.rates import Rate

_HEADERS = ("Verdict", "Case", "Base", "Head", "Change", "Interval", "Samples", "Reason")
_SUITE = "pcakd-bench gate"


def summarize(result: GateResult, *, status: int) -> str:
    """Return the first line: the verdict of the gate and the worst case."""
    passed = {0: "passed", 1: "REGRESSION", 3: "INCONCLUSIVE", 4: "NOTHING MEASURED"}[status]
    tally = Counter(each.verdict for each in result.results)
    counts = ", ".join(f"{tally[verdict]} {verdict}" for verdict in VERDICTS if tally[verdict])
    line = f"gate {passed}: {counts or 'no case'}"
    worst = result.worst
    if worst is None or worst.verdict == "same or better":
        return line
    change = _change(worst)
    detail = "; ".join(part for part in (change, worst.reason) if part and part != "—")
    return f"{line}; worst: {worst.case.name}, {worst.verdict}" + (f" ({detail})" if detail else "")


def to_table(result: GateResult, *, status: int) -> str:
    """Return the summary and a table for a terminal, the worst cases first."""
    table = tabulate(_rows(result), _HEADERS, tablefmt="simple", disable_numparse=True)
    return f"{summarize(result, status=status)}\n\n{table}\n\n{_describe_sides(result)}"


def to_markdown(result: GateResult, *, status: int) -> str:
    """Return the same as Markdown."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in _rows(result)]
    table = tabulate(rows, _HEADERS, tablefmt="pipe", disable_numparse=True)
    return f"**{summarize(result, status=status)}**\n\n{table}\n\n{_describe_sides(result)}\n"


def to_json(result: GateResult, *, status: int) -> dict[str, Any]:
    """Return everything, with every sample, as JSON values."""
    return {
        "schema_version": 1,
        "exit_status": status,
        "summary": summarize(result, status=status),
        "base": result.base,
        "head": result.head,
        "seconds": result.seconds,
        "environment": result.environment,
        "cases": [{"name": each.case.name, **asdict(each)} for each in result.results],
    }


def to_junit(result: GateResult, *, status: int) -> str:
    """Return JUnit XML, with a test case for each case and the reason in its failure.

    An inconclusive case is a failure if it fails the gate, otherwise skipped; so is one that does
    not compare.
    """
    suite = ET.Element("testsuite", name=_SUITE, tests=str(len(result.results)))
    failures = skipped = 0
    for each in sorted(result.results, key=_order):
        test = ET.SubElement(
            suite, "testcase", classname=f"gate.{each.case.kind}", name=each.case.name
        )
        text = f"{each.verdict}: {_explain(each)}"
        if each.verdict in REGRESSIONS or (each.verdict == "inconclusive" and status == 3):
            failures += 1
            ET.SubElement(test, "failure", message=text, type=each.verdict)
        elif each.verdict in ("inconclusive", "not comparable"):
            skipped += 1
            ET.SubElement(test, "skipped", message=text)
        else:
            ET.SubElement(test, "system-out").text = text
    suite.set("failures", str(failures))
    suite.set("skipped", str(skipped))
    suite.set("errors", "0")
    suite.set("time", f"{result.seconds:.3f}")
    document = ET.Element("testsuites")
    document.append(suite)
    ET.indent(document)
    text = ET.tostring(document, encoding="unicode", xml_declaration=False)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def render_selftest(rates: Sequence["Rate"], smallest: Mapping[str, float]) -> str:
    """Return the rates of a self-test as a table, and the smallest change that it can find."""
    rows = [list(rate_cells(each).values()) for each in rates]
    table = tabulate(rows, list(rate_cells(rates[0])), tablefmt="simple", disable_numparse=True)
    return f"{table}\n\n{describe_smallest(smallest)}"


def rate_cells(rate: "Rate") -> dict[str, str]:
    """Return the cells of a row of `render_selftest` by their titles."""
    failed = rate.failed
    change = rate.change
    ends = (
        ""
        if change.low is None or change.high is None
        else (f" [{math.expm1(change.low):+.1%}, {math.expm1(change.high):+.1%}]")
    )
    return {
        "Slow-down": f"{rate.slow_down:.0%}" if rate.slow_down else "none",
        "Measured": f"{math.expm1(change.mean):+.1%}{ends}",
        "Gates": str(failed.num_gates),
        "Failed": str(failed.count),
        "Share": f"{failed.count / failed.num_gates:.1%}",
        "95 % interval": f"{failed.low:.1%} to {failed.high:.1%}",
        "Inconclusive": str(rate.num_inconclusive),
        "Launches": f"{rate.launches:.1f}",
        "Seconds": f"{rate.seconds:.0f}",
    }


def describe_smallest(smallest: Mapping[str, float]) -> str:
    """Return what `smallest_change` found as a sentence."""
    found = "; ".join(f"{name}: {change:.1%}" for name, change in smallest.items())
    return f"smallest slow-down that the budget finds in 95 % of gates: {found}"


def _rows(result: GateResult) -> list[list[str]]:
    return [
        [
            each.verdict if each.verdict not in REGRESSIONS else each.verdict.upper(),
            each.case.name,
            _value(each, each.base),
            _value(each, each.head),
            _change(each),
            _interval(each),
            str(each.finding.count) if each.finding else "—",
            each.reason or "",
        ]
        for each in sorted(result.results, key=_order)
    ]


def _order(result: CaseResult) -> int:
    return VERDICTS.index(result.verdict)


def _describe_sides(result: GateResult) -> str:
    return (
        f"base: {result.base}; head: {result.head}; {result.seconds:.0f} s. Change is head over "
        "base (of a speed-up: floor over head; of a metric: the mean paired difference, with "
        "one-sided 95 % limits over image pairs), positive where head is worse."
    )


def _explain(result: CaseResult) -> str:
    parts = (
        f"{_value(result, result.base)} → {_value(result, result.head)}",
        _change(result),
        _interval(result),
        result.reason,
    )
    return ", ".join(part for part in parts if part and part not in ("—", "— → —")) or "no value"


def _is_difference(result: CaseResult) -> bool:
    return result.case.kind == "quality"


def _value(result: CaseResult, value: float | None) -> str:
    if value is None:
        return "—"
    kind = result.case.kind
    if kind in ("latency", "import", "microbench"):
        return f"{value / 1e6:,.4g} ms"
    if kind == "memory":
        return f"{value / 2**20:,.1f} MiB"
    if kind == "size":
        return f"{value / 2**20:,.2f} MiB"
    if kind == "speedup":
        return f"{value:.3g}×"
    return f"{value:,.0f}" if kind == "counts" else f"{value:.4f}"


def _change(result: CaseResult) -> str:
    finding = result.finding
    if finding is None or (_is_difference(result) and result.case.quantity is None):
        return "—"
    return _format(result, finding.estimate)


def _interval(result: CaseResult) -> str:
    finding = result.finding
    if finding is None or finding.low is None or finding.high is None or finding.count < 2:
        return "—"
    return f"{_format(result, finding.low)} to {_format(result, finding.high)}"


def _format(result: CaseResult, value: float) -> str:
    if _is_difference(result):
        return f"{value:+.4f}"
    return f"{100 * math.expm1(min(value, 20.0)):+.1f} %"
