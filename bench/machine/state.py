"""How fast the machine is at this moment: its load, its clock, and a fixed calibration loop.

The same work before and after a measurement shows whether the machine changed in between: other
programs, a lower clock, or processor time that a host took away.
"""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import psutil

MOST_CHANGE = 1.5
"""A case is disturbed if the calibration before and after it differ by more than this factor.

The bound is a choice: on a quiet machine it is hardly ever reached (in no timed case of
`reports/cpu`), beside a loop on one of two cores often.
"""

_REPEATS = 15
_MATRIX = 384  # a matrix product of some milliseconds
_COPY_BYTES = 32 << 20


def read_state() -> dict[str, Any]:
    """Return load average, clock, stolen processor time and the times of the calibration loop.

    ``matmul_ns`` is the median time of a float32 product of two matrices, ``copy_ns`` that of a
    copy of 32 MiB. ``stolen_s`` counts since the system started. What the system does not tell is
    left out.
    """
    state: dict[str, Any] = {}
    if hasattr(psutil, "getloadavg"):
        state["load_average"] = round(psutil.getloadavg()[0], 2)
    frequency = _read_frequency()
    if frequency:
        state["frequency_mhz"] = round(frequency)
    stolen = getattr(psutil.cpu_times(), "steal", None)
    if stolen is not None:
        state["stolen_s"] = float(stolen)
    import torch  # the parent process of a run has none

    with torch.inference_mode():
        matrix = torch.ones(_MATRIX, _MATRIX)
        block = torch.ones(_COPY_BYTES // 4)
        target = torch.empty_like(block)
        state["matmul_ns"] = _time(lambda: matrix @ matrix)
        state["copy_ns"] = _time(lambda: target.copy_(block))
    return state


def compare_states(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return both states, the change of the calibration, and whether it exceeds the bound.

    >>> quiet, busy = ({"matmul_ns": ns, "copy_ns": 100} for ns in (100, 160))
    >>> compare_states(quiet, busy)["change"], compare_states(quiet, busy)["disturbed"]
    (1.6, True)
    """
    ratios = [after[name] / before[name] for name in ("matmul_ns", "copy_ns")]
    change = max(max(ratio, 1 / ratio) for ratio in ratios)
    return {
        "before": dict(before),
        "after": dict(after),
        "change": round(change, 3),
        "disturbed": change > MOST_CHANGE,
    }


def _read_frequency() -> float | None:
    try:
        frequency = psutil.cpu_freq()
    except (AttributeError, NotImplementedError, OSError):
        return None
    return float(frequency.current) if frequency else None


def _time(call: Callable[[], object]) -> int:
    call()
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return round(median(times))
