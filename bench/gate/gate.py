"""Runs a gate: identifies the subjects of both sides, measures, and judges. No torch."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.gate.against_records import compare_with_records
from bench.gate.cases import CaseResult, GateCase, GateResult, count_tests
from bench.gate.config import GateConfig
from bench.gate.context import SIDES, Bar, GateContext, explain_shared
from bench.gate.exact import compare_counts, compare_sizes
from bench.gate.latency import compare_latency
from bench.gate.memory import compare_memory
from bench.gate.quality import compare_quality
from bench.gate.side_client import Side, SideError, SideProcess
from bench.gate.verdicts import Verdict
from bench.machine.memory import host_bytes
from bench.plan.factories import announce_import
from bench.plan.image_pairs import ImagePair
from bench.records.schema import Record
from bench.worker.process import Budget, ask_child
from pcakd.errors import ConfigError
from pcakd.utils.cpu import cpu_name

_IMAGE_SECONDS = 600.0
_RECORDS = "committed records"


def run_gate(
    config: GateConfig,
    cases: Sequence[GateCase],
    sides: Sequence[Side],
    *,
    scratch: Path,
    device: str,
    timed: ImagePair,
    pairs: Sequence[ImagePair],
    bar: Bar,
    records: Sequence[Record] | None = None,
) -> GateResult:
    """Measure and judge the cases.

    Args:
        config: The gate.
        cases: Its cases.
        sides: Base and head; head alone with ``records``.
        scratch: Folder for temporary files.
        device: Name of a device, or ``auto``.
        timed: The image pair of latency and memory, which both sides cut or continue.
        pairs: The image pairs of quality.
        bar: Shows the current case, and is advanced by each result.
        records: Committed records that head is compared with, in place of base.

    Raises:
        ConfigError: No side has one of the subjects, no side can start, or the image pairs are
            unusable.
    """
    started = time.monotonic()
    by_name = {side.name: side for side in sides}
    bar.set_description("subjects of both sides")
    announced: set[tuple[str, str]] = set()
    found_of = {side.name: _inspect(side, cases, config, device, announced) for side in sides}
    head = found_of["head"]
    environment = head.environment
    if failure := _find_failure(found_of):
        return GateResult(
            results=[replace(failure, case=case) for case in cases],
            base=by_name["base"].title if "base" in by_name else _RECORDS,
            head=by_name["head"].title,
            seconds=time.monotonic() - started,
        )
    assert environment is not None  # noqa: S101 (head started)
    reasons = {name: each.missing for name, each in found_of.items()}
    names = {text: str(answer["name"]) for text, answer in head.subjects.items()}
    if records is not None:
        recorded = {record.case.subject for record in records}
        wanted = {text for case in cases for text in _subjects(case)}
        lost = [text for text in wanted if names.get(text, text) not in recorded]
        reasons["base"] = dict.fromkeys(lost, "no record")
    missing = _find_missing(cases, reasons)
    missing |= _find_incomparable(
        [case for case in cases if case not in missing],
        found_of,
        by_name if records is None else {},
    )
    measured = [case for case in cases if case not in missing]
    context = GateContext(
        config=config,
        sides=by_name,
        device=str(environment["device"]),
        images=_write_timed(timed, scratch),
        pairs=_write_pairs(config, measured, pairs, scratch),
        scratch=scratch,
        bar=bar,
        deadline=started + config.budget_seconds,
    )
    error = config.error / max(1, count_tests(measured))
    if records is None:
        found = _measure(context, measured, error=error)
    else:
        found = compare_with_records(context, measured, records, names=names, error=error)
    results = sorted([*missing.values(), *found], key=lambda each: _place(each.case, cases))
    bar.update(len(results))
    return GateResult(
        results=results,
        base=by_name["base"].title if "base" in by_name else _RECORDS,
        head=by_name["head"].title,
        seconds=time.monotonic() - started,
        environment={**environment, "cpu": cpu_name()},
    )


def _measure(context: GateContext, cases: Sequence[GateCase], *, error: float) -> list[CaseResult]:
    """Measure what is exact first, and what needs launches last."""
    by_kind: dict[str, list[GateCase]] = {}
    for case in cases:
        by_kind.setdefault(case.kind, []).append(case)
    results = compare_counts(context, by_kind.get("counts", ()))
    results += compare_sizes(context, by_kind.get("size", ()))
    quality = by_kind.get("quality", [])
    for subject in dict.fromkeys(case.subject for case in quality):
        context.bar.set_description(f"outputs of {subject}")
        results += compare_quality(context, [each for each in quality if each.subject == subject])
    for case in by_kind.get("memory", ()):
        context.bar.set_description(case.name)
        results.append(compare_memory(context, case))
    noisy = [case for case in cases if case.kind in ("latency", "speedup", "import")]
    return results + compare_latency(context, noisy, error=error)


def _place(case: GateCase, cases: Sequence[GateCase]) -> int:
    """Return the place of a case among the planned ones; one of equal outputs is its subject's."""
    same = (each.kind == case.kind and each.subject == case.subject for each in cases)
    return cases.index(case) if case in cases else next(i for i, s in enumerate(same) if s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inspection:
    """What a process of a side reports before anything is measured.

    Attributes:
        environment: Versions, threads and device; None if the side cannot start.
        subjects: What the side says of the subjects that it has.
        missing: The subjects that the side does not have, with the reason.
        failure: Why it cannot start.
    """

    environment: dict[str, Any] | None = None
    subjects: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failure: str | None = None


def _inspect(
    side: Side,
    cases: Sequence[GateCase],
    config: GateConfig,
    device: str,
    announced: set[tuple[str, str]],
) -> _Inspection:
    """Start a process of a side and have it load each subject, and say first what it imports."""
    missing: dict[str, str] = {}
    subjects: dict[str, dict[str, Any]] = {}
    names = list(dict.fromkeys(each for case in cases for each in _subjects(case)))
    try:
        with _start(side, config) as process:
            environment = process.ask("start", threads=config.threads, device=device)
            factories: dict[str, str] = process.ask("factories", subjects=names)["factories"]
            for found in factories.items():
                if found not in announced:
                    announce_import(*found)
                    announced.add(found)
            for name in names:
                try:
                    subjects[name] = process.ask("identify", subject=name)
                except SideError as error:
                    if error.missing:  # each case says any other failure
                        missing[name] = str(error)
    except SideError as error:
        return _Inspection(missing=missing, failure=str(error))
    return _Inspection(environment=environment, subjects=subjects, missing=missing)


def _find_failure(found_of: Mapping[str, _Inspection]) -> CaseResult | None:
    """Return the result of every case where a side cannot start: head fails, base compares nothing.

    Raises:
        ConfigError: Neither can start, so the environment is at fault.
    """
    failures = {name: each.failure for name, each in found_of.items() if each.environment is None}
    if not failures:
        return None
    texts = {name: f"{name} cannot start: {reason}" for name, reason in failures.items()}
    if len(failures) > 1:
        raise ConfigError(f"{texts['head']}; nor can base: {failures['base']}")
    ((name, text),) = texts.items()
    verdict: Verdict = "failed" if name == "head" else "not comparable"
    return CaseResult(case=GateCase(kind="counts", subject=""), verdict=verdict, reason=text)


def _find_missing(
    cases: Sequence[GateCase], reasons: Mapping[str, Mapping[str, str]]
) -> dict[GateCase, CaseResult]:
    """Return the results of the cases whose subject a side does not have.

    Args:
        cases: All cases.
        reasons: For each side the subjects that it does not have, with the reason.

    Raises:
        ConfigError: No side has a subject.
    """
    for name, reason in reasons["head"].items():
        if all(name in each for each in reasons.values()):
            raise ConfigError(f"subject {name!r}: {reason}")
    results: dict[GateCase, CaseResult] = {}
    for case in cases:
        for side in ("head",) if case.kind == "speedup" else SIDES:
            lost = next((n for n in _subjects(case) if n in reasons.get(side, {})), None)
            if lost is not None and case not in results:
                results[case] = CaseResult(
                    case=case,
                    verdict="missing" if side == "head" else "not comparable",
                    reason=f"{side} has no {lost}: {reasons[side][lost]}",
                )
    return results


def _find_incomparable(
    cases: Sequence[GateCase],
    found_of: Mapping[str, _Inspection],
    sides: Mapping[str, Side],
) -> dict[GateCase, CaseResult]:
    """Return the results of cases that say nothing about the code that is compared.

    Args:
        cases: Cases whose subjects both sides have.
        found_of: What the sides say of them.
        sides: Base and head; empty where head is compared with records.
    """
    results: dict[GateCase, CaseResult] = {}
    for case in cases:
        reason = None
        for name in _subjects(case):
            answers = [found_of[side].subjects.get(name, {}) for side in SIDES if side in sides]
            if len(answers) == len(SIDES):
                base, head = (answer.get("source") for answer in answers)
                reason = reason or explain_shared(sides, base, head)
            has_quality = found_of["head"].subjects.get(name, {}).get("has_quality", True)
            if case.kind == "quality" and not has_quality:
                reason = reason or "its weights are random, so its outputs mean nothing"
        if reason is not None:
            results[case] = CaseResult(case=case, verdict="not comparable", reason=reason)
    return results


def _subjects(case: GateCase) -> list[str]:
    """Return the subjects of a case; import time and size have none."""
    if case.kind in ("import", "size"):
        return []
    return case.subject.split() if case.kind == "speedup" else [case.subject]


def _start(side: Side, config: GateConfig) -> SideProcess:
    return SideProcess(
        side,
        seconds=config.case_seconds,
        memory_bytes=int(config.memory_fraction * host_bytes()),
    )


def _write_timed(pair: ImagePair, scratch: Path) -> dict[str, Path]:
    """Write the images of latency and memory, unless an earlier gate of a self-test did."""
    files = {role: scratch / f"timed_{role}.npy" for role in ("content", "style")}
    if not all(path.exists() for path in files.values()):
        _write_images([(pair, files)], max_side=0)
    return files


def _write_pairs(
    config: GateConfig, cases: Sequence[GateCase], pairs: Sequence[ImagePair], scratch: Path
) -> tuple[ImagePair, ...]:
    """Write the image pairs of quality as arrays."""
    if not any(case.kind == "quality" for case in cases):
        return ()
    files = [
        (pair, {role: scratch / f"{pair.name}_{role}.npy" for role in ("content", "style")})
        for pair in pairs
    ]
    _write_images(files, max_side=config.quality_max_side)
    return tuple(pairs)


def _write_images(pairs: Sequence[tuple[ImagePair, dict[str, Path]]], *, max_side: int) -> None:
    job = {
        "job": "gate_images",
        "max_side": max_side,
        "pairs": [
            {
                "name": pair.name,
                "content": str(pair.content),
                "style": str(pair.style),
                **{f"{role}_array": str(path) for role, path in files.items()},
            }
            for pair, files in pairs
        ],
    }
    budget = Budget(seconds=_IMAGE_SECONDS, memory_bytes=host_bytes())
    _, outcome = ask_child(job, budget=budget)
    if outcome.status != "ok":
        raise ConfigError(f"the images of the gate cannot be prepared: {outcome.reason}")
