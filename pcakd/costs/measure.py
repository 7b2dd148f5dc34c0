"""Latencies of seeded students over a grid of ranks, which a latency model is fitted to."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from pcakd.costs.counts import TERMS, count_student, latency_terms, peak_bytes
from pcakd.costs.latency import LatencySample
from pcakd.errors import ConfigError
from pcakd.pipeline import stylize
from pcakd.students import StudentSpec, create_student
from pcakd.utils.extras import require_extra
from pcakd.utils.resolutions import Resolution, parse_resolution

Ranks = tuple[int, int, int, int]

DENSE = ("HD", "FHD")
"""Resolutions at which all students of the grid are measured."""

SPARSE = ("QHD", "4K", "5K", "8K")
"""Resolutions at which some are, to fit and to check what grows with the size."""

_NUM_FITTED, _NUM_HELD_OUT = 16, 8
_NUM_SPARSE = 2  # of either kind, at the larger sizes
_CANDIDATES = 128  # points that ranks are made of; on narrow grids many have the same ranks
ROUNDS = 3
"""Times that each case is timed, far apart: a machine can be slow for a while."""

_CALLS = 2  # in a round, of which the faster counts: the first one also warms up


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyCase:
    """One student at one size."""

    ranks: Ranks
    resolution: Resolution
    held_out: bool


def plan_cases(most: Sequence[int], resolutions: Sequence[str], *, seed: int) -> list[LatencyCase]:
    """Return what to measure: a Halton sequence of ranks on a logarithmic scale, shuffled.

    Slow periods of a machine then affect all ranks and sizes alike.

    Args:
        most: Largest ranks of the four taps.
        resolutions: Their names or sizes.
        seed: Of the sequence and of the order.
    """
    qmc = require_extra("analyze", "scipy.stats.qmc", "the latency model")
    points = qmc.Halton(d=4, scramble=True, rng=seed).random(_CANDIDATES)
    least = 2.0
    ranks = np.rint(least * (np.maximum(np.asarray(most), least) / least) ** points).astype(int)
    distinct = list(dict.fromkeys(map(tuple, ranks.tolist())))[: _NUM_FITTED + _NUM_HELD_OUT]
    border = -(-len(distinct) * _NUM_FITTED // (_NUM_FITTED + _NUM_HELD_OUT))
    cases = []
    for name in resolutions:
        few = _NUM_SPARSE if name in SPARSE else None
        for held_out, own in ((False, distinct[:border][:few]), (True, distinct[border:][:few])):
            cases += [
                LatencyCase(ranks=each, resolution=parse_resolution(name), held_out=held_out)
                for each in own
            ]
    order = np.random.default_rng(seed).permutation(len(cases))
    return [cases[place] for place in order]


def require_enough(resolutions: Sequence[str]) -> None:
    """Check that enough students are timed at some sizes to fit a latency model.

    Raises:
        ConfigError: They are too few.
    """
    fitted = sum(_NUM_SPARSE if name in SPARSE else _NUM_FITTED for name in resolutions)
    if fitted < len(TERMS):
        raise ConfigError(
            f"{', '.join(resolutions)}: {fitted} students are timed to fit {len(TERMS)} "
            "coefficients; add HD or FHD to the sizes"
        )


def measure_case(
    case: LatencyCase, spec: StudentSpec, device: torch.device, *, seed: int
) -> LatencySample:
    """Time one student at one size once: the faster of two calls.

    Args:
        case: Ranks and size.
        spec: A student of the architecture.
        device: Where to run it.
        seed: Of weights and images.
    """
    own = replace(spec, ranks=case.ranks)
    call = _prepare(own, case.resolution, device, seed)
    latency_ns = min(_time_ns(call, device) for _ in range(_CALLS))
    pixels = case.resolution.pixels
    return LatencySample(
        ranks=case.ranks,
        resolution=case.resolution.name,
        pixels=pixels,
        latency_ns=float(latency_ns),
        held_out=case.held_out,
        terms=tuple(map(float, latency_terms(count_student(own), pixels))),
    )


def _time_ns(call: Callable[[], Any], device: torch.device) -> int:
    """Return the nanoseconds of a call, until the device has its result."""

    def wait() -> None:
        if device.type != "cpu":
            torch.accelerator.synchronize(device)

    wait()
    start = time.perf_counter_ns()
    result = call()  # held until the second reading: freeing it is not part of the work
    wait()
    stop = time.perf_counter_ns()
    del result
    return stop - start


def fits_memory(case: LatencyCase, spec: StudentSpec, available_bytes: int) -> bool:
    """Whether a case needs at most half of a memory."""
    need = peak_bytes(
        replace(spec, ranks=case.ranks), case.resolution.pixels, threads=torch.get_num_threads()
    )
    return 2 * need <= available_bytes


def _prepare(
    spec: StudentSpec, resolution: Resolution, device: torch.device, seed: int
) -> Callable[[], Any]:
    student = create_student(spec, seed=seed).eval().requires_grad_(False).to(device)
    generator = torch.Generator().manual_seed(seed)
    size = 3, resolution.height, resolution.width
    content, style = (torch.rand(size, generator=generator).to(device) for _ in range(2))
    return lambda: stylize(student, content, style)
