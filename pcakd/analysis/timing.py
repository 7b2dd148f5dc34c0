"""Times the students that a latency model is fitted to; a killed run continues."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from tqdm import tqdm

from pcakd.analysis.results import LatencyResult, Ranks
from pcakd.costs import LatencySample, fit_latency_model
from pcakd.costs.measure import ROUNDS, LatencyCase, fits_memory, measure_case, plan_cases
from pcakd.students import StudentSpec
from pcakd.utils.cpu import cpu_name
from pcakd.utils.precision import full_precision
from pcakd.utils.resolutions import parse_resolution

SAMPLES = "latencies.jsonl"

_UNKNOWN_BYTES = 4 << 30


def measure_latencies(
    folder: Path,
    spec: StudentSpec,
    *,
    most: Sequence[int],
    resolutions: Sequence[str],
    device: torch.device,
    seed: int,
) -> LatencyResult:
    """Time students over a grid of ranks and sizes, and fit the latency of this machine.

    Args:
        folder: Keeps the latencies until the analysis ends.
        spec: A student of the architecture.
        most: Largest ranks of the grid.
        resolutions: Sizes, by name or as ``WIDTHxHEIGHT``.
        device: Where to run them.
        seed: Of ranks, weights and images.

    Raises:
        PcakdError: This machine has memory for too few of them.
        OutputError: The folder cannot be written.
    """
    machine = describe_machine(device)
    identity = {**machine, "student": repr(replace(spec, ranks=(1, 1, 1, 1))), "seed": seed}
    identity |= {"designs": [asdict(design) for design in spec.designs]}
    cases = plan_cases(most, resolutions, seed=seed)
    known: dict[tuple[Ranks, str], list[LatencySample]] = {}
    for sample in _read(folder / SAMPLES, identity):
        known.setdefault((sample.ranks, sample.resolution), []).append(sample)
    possible = _choose_possible(cases, spec, _available_bytes(device), known)
    kept = {case.resolution.name for case in possible}
    left_out = [name for name in resolutions if parse_resolution(name).name not in kept]
    waiting = [
        case
        for number in range(ROUNDS)
        for case in possible
        if len(known.get((case.ranks, case.resolution.name), ())) <= number
    ]
    total = ROUNDS * len(possible)
    bar = tqdm(waiting, total=total, initial=total - len(waiting), desc="latencies", unit="timing")
    with (
        torch.inference_mode(),
        full_precision(),
        (folder / SAMPLES).open("a", encoding="utf-8") as stream,
        bar,
    ):
        for case in bar:
            sample = measure_case(case, spec, device, seed=seed)
            known.setdefault((sample.ranks, sample.resolution), []).append(sample)
            line = {"identity": identity, **asdict(sample)}
            stream.write(json.dumps(line) + "\n")
            stream.flush()
    samples = [_median(known[case.ranks, case.resolution.name][:ROUNDS], case) for case in possible]
    return LatencyResult(
        **machine,
        model=fit_latency_model(samples),
        samples=tuple(samples),
        left_out=tuple(left_out),
    )


def _median(rounds: Sequence[LatencySample], case: LatencyCase) -> LatencySample:
    """Return one sample with the median of several rounds."""
    latency_ns = median(each.latency_ns for each in rounds)
    return replace(rounds[0], latency_ns=latency_ns, held_out=case.held_out)


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Return what latencies depend on beside the student."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()
    return {
        "device": device.type,
        "device_name": name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _choose_possible(
    cases: Sequence[LatencyCase],
    spec: StudentSpec,
    available_bytes: int,
    known: Mapping[tuple[Ranks, str], object],
) -> list[LatencyCase]:
    """Return the cases that are timed already or fit the memory, size by size.

    A size without a student to fit to, or without one to check the fit with, is left out.
    """
    possible = [
        case
        for case in cases
        if (case.ranks, case.resolution.name) in known or fits_memory(case, spec, available_bytes)
    ]
    kinds: dict[str, set[bool]] = {}
    for case in possible:
        kinds.setdefault(case.resolution.name, set()).add(case.held_out)
    return [case for case in possible if len(kinds[case.resolution.name]) == 2]


def _read(path: Path, identity: dict[str, Any]) -> list[LatencySample]:
    """Read the latencies of this machine and these students; a line that was cut is left out."""
    if not path.is_file():
        return []
    samples = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            values = json.loads(line)
            if values.pop("identity") != identity:
                continue
            one, two, three, four = values.pop("ranks")
            terms = tuple(values.pop("terms"))
            samples.append(LatencySample(ranks=(one, two, three, four), terms=terms, **values))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return samples


def _available_bytes(device: torch.device) -> int:
    """Return the memory that a measurement may use: what is free or can be freed."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        known = dict(line.split(":", 1) for line in lines)
        return 1024 * int(known["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError):  # macOS and Windows do not tell
        return _UNKNOWN_BYTES
