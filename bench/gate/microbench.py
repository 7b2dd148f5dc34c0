"""The micro-benchmarks of both sides in turn, judged like latencies. No torch."""

import json
import math
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.gate.cases import CaseResult, GateCase, GateResult
from bench.gate.context import SIDES, Bar
from bench.gate.latency import advise
from bench.gate.side_client import Side
from bench.gate.verdicts import Finding, SequentialTest, Verdict
from pcakd.errors import ConfigError

_NO_TESTS = 5  # pytest's exit status where nothing was collected


def compare_microbench(
    sides: Mapping[str, Side],
    files: Sequence[Path],
    *,
    options: Sequence[str],
    folder: Path,
    margin: float,
    error: float,
    max_launches: int,
    seconds: float,
    bar: Bar,
) -> GateResult:
    """Run pytest-benchmark's files with both sides in turn until each benchmark is decided.

    A launch is a run of pytest with each side; odd launches exchange the order. A benchmark's
    sample is the logarithm of the ratio of its two medians. pytest's JSON files are kept:
    ``0001_base.json``, ``0001_head.json`` and so on.

    Args:
        sides: Base and head.
        files: The files of head's benchmarks; both sides run them.
        options: Further options of pytest.
        folder: For the JSON files.
        margin: The margin of equivalence.
        error: Probability that a comparison without any change fails.
        max_launches: Launches after which a benchmark is inconclusive.
        seconds: Time budget; also that of one run of pytest.
        bar: Advanced by each launch.

    Raises:
        ConfigError: Both sides have no benchmark.
    """
    started = time.monotonic()
    medians: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    failures: dict[str, str] = {}
    findings: dict[str, Finding] = {}
    for launch in range(max_launches):
        for side in SIDES if launch % 2 == 0 else SIDES[::-1]:
            bar.set_description(f"launch {launch + 1}: {side}")
            target = folder / f"{launch + 1:04d}_{side}.json"
            found = _run(sides[side], files, options, target, seconds=seconds)
            if isinstance(found, str):
                failures[side] = found
            else:
                medians[side].append(found)
        bar.update()
        if failures:
            break
        over = launch + 1 == max_launches or time.monotonic() - started > seconds
        findings = _judge(medians, margin, error, max_launches, over=over)
        if all(each.verdict is not None for each in findings.values()):
            break
    results = _results(medians, findings, failures, margin)
    return GateResult(
        results=results,
        base=sides["base"].title,
        head=sides["head"].title,
        seconds=time.monotonic() - started,
    )


def _run(
    side: Side, files: Sequence[Path], options: Sequence[str], target: Path, *, seconds: float
) -> dict[str, float] | str:
    """Run the benchmarks of a side; return their medians in seconds, or why there are none."""
    command = [
        # -P: the benchmarks' folder is not on the path, so that the side's packages are imported
        *(str(side.python), "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *("--benchmark-only", f"--benchmark-json={target}", *options, *map(str, files)),
    ]
    try:
        done = subprocess.run(
            command,
            cwd=files[0].parent,
            env={**_without_pytest(os.environ), **side.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"pytest took more than its budget of {seconds:g} s"
    if done.returncode == _NO_TESTS:
        raise ConfigError(f"no benchmark in {', '.join(file.name for file in files)}")
    if done.returncode or not target.exists():
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        cause = next((line for line in lines if line.startswith(("E ", "ERROR", "FAILED"))), "")
        last = lines[-1] if lines else "no message"
        return f"pytest ended with status {done.returncode}: {cause or last:.200}"
    document: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return {each["fullname"]: float(each["stats"]["median"]) for each in document["benchmarks"]}


def _without_pytest(variables: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables without those of a pytest that runs this process."""
    return {name: text for name, text in variables.items() if not name.startswith("PYTEST")}


def _judge(
    medians: Mapping[str, Sequence[Mapping[str, float]]],
    margin: float,
    error: float,
    max_launches: int,
    *,
    over: bool,
) -> dict[str, Finding]:
    names = _common(medians)
    test = SequentialTest(error=error / max(1, len(names)), max_launches=max_launches)
    return {
        name: test.judge(
            [math.log(h[name] / b[name]) for b, h in _launches(medians)], margin=margin, over=over
        )
        for name in names
    }


def _results(
    medians: Mapping[str, Sequence[Mapping[str, float]]],
    findings: Mapping[str, Finding],
    failures: Mapping[str, str],
    margin: float,
) -> list[CaseResult]:
    results = [
        _result(GateCase(kind="microbench", subject=name, margin=margin), medians, finding)
        for name, finding in findings.items()
    ]
    for side, reason in failures.items():
        case = GateCase(kind="microbench", subject="pytest", margin=margin)
        verdict: Verdict = "failed" if side == "head" else "not comparable"
        results.append(CaseResult(case=case, verdict=verdict, reason=f"{side}: {reason}"))
    every = {name for side in SIDES for each in medians[side][:1] for name in each}
    for name in sorted(every - {*_common(medians)}) if not failures else ():
        lost = next(side for side in SIDES if name not in medians[side][0])
        case = GateCase(kind="microbench", subject=name, margin=margin)
        verdict = "missing" if lost == "head" else "not comparable"
        results.append(CaseResult(case=case, verdict=verdict, reason=f"{lost} skips it"))
    return results


def _result(
    case: GateCase, medians: Mapping[str, Sequence[Mapping[str, float]]], finding: Finding
) -> CaseResult:
    from statistics import median

    base, head = ([1e9 * each[case.subject] for each in medians[side]] for side in SIDES)
    return CaseResult(
        case=case,
        verdict=finding.verdict or "inconclusive",
        reason=advise(finding, settings="--launches, --budget"),
        finding=finding,
        base=median(base),
        head=median(head),
        base_samples=[[each] for each in base],
        head_samples=[[each] for each in head],
    )


def _common(medians: Mapping[str, Sequence[Mapping[str, float]]]) -> list[str]:
    """Return the benchmarks that every run of both sides has, in their order."""
    runs = [each for side in SIDES for each in medians[side]]
    return [name for name in runs[0] if all(name in each for each in runs)] if runs else []


def _launches(
    medians: Mapping[str, Sequence[Mapping[str, float]]],
) -> list[tuple[Mapping[str, float], Mapping[str, float]]]:
    return list(zip(medians["base"], medians["head"], strict=True))
