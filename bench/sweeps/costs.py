"""What the students of a sweep cost: parameters, multiply-adds, latency and peak memory."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bench.machine.environment import describe_environment
from bench.plan.config import BenchmarkProfile
from bench.records.store import read_records
from bench.report.common.rows import CostRow
from bench.report.common.summary import summarize
from bench.run.runner import Request, run_benchmark
from pcakd.utils.git import git_state, hash_edits
from pcakd.utils.resolutions import parse_resolution

_CASE_SECONDS = 300.0
_DIGITS = 8


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Return the environment and the commit that costs are measured with."""
    commit, dirty = git_state()
    edits = {"edits": hash_edits()} if dirty else {}
    return {**describe_environment(device), "commit": commit, **edits}


def measure_costs(
    students: Mapping[str, Path], resolutions: Sequence[str], *, device: torch.device, work: Path
) -> dict[str, dict[str, dict[str, Any]]]:
    """Measure students one after another, in processes of their own, as ``bench run`` does.

    Nothing else should run on the machine meanwhile. The samples go into a run folder in ``work``
    that is of these students, this code and this machine alone, so that an interrupted measurement
    continues.

    Args:
        students: Files of students by name; the stem of each is its name.
        resolutions: Names or sizes, as `pcakd.utils.resolutions.parse_resolution` reads them.
        device: Where to run the students.
        work: Folder for the run folder.

    Returns:
        By student and resolution: ``latency_ms`` (median over processes), ``latency_low_ms`` and
        ``latency_high_ms`` (its 95 % interval, or None), ``peak_bytes``, ``num_params``,
        ``macs_per_pixel`` (of the content path), ``status`` and ``reason`` as in a record.

    Raises:
        PcakdError: A resolution or the device cannot be used, or the folder cannot be written.
    """
    hashes = {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in students.items()
    }
    identity = json.dumps([describe_machine(device), hashes], sort_keys=True)
    folder = work / f"costs-{hashlib.sha256(identity.encode()).hexdigest()[:_DIGITS]}"
    run_benchmark(
        Request(
            profile=_profile([str(path) for path in students.values()], resolutions),
            only=("cost",),
            device=str(device),
            out=folder,
            resume=True,
            commit=git_state(),
        )
    )
    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in students}
    sizes = {name: parse_resolution(name) for name in resolutions}
    names = {(size.width, size.height): name for name, size in sizes.items()}
    for row in summarize(read_records(folder), folder).cost:
        size = names.get((row.width, row.height))
        if row.subject in found and size is not None:
            found[row.subject][size] = _describe(row)
    return found


def _profile(subjects: Sequence[str], resolutions: Sequence[str]) -> BenchmarkProfile:
    return BenchmarkProfile(
        name="sweep",
        subjects=tuple(subjects),
        resolutions=tuple(resolutions),
        measured=tuple(resolutions),
        transforms=("zca",),
        warmup=1,
        samples=10,
        sample_seconds=10.0,
        processes=3,
        case_seconds=_CASE_SECONDS,
        memory_fraction=0.7,
        quality_max_side=0,
    )


def _describe(row: CostRow) -> dict[str, Any]:
    latency = row.latency_ms
    ends = (latency.low, latency.high) if latency else (None, None)
    return {
        "status": row.status,
        "reason": row.reason,
        "latency_ms": latency.value if latency else None,
        "latency_low_ms": ends[0],
        "latency_high_ms": ends[1],
        "peak_bytes": row.peak_bytes,
        "num_params": row.num_params,
        "macs_per_pixel": row.macs_per_pixel,
    }
