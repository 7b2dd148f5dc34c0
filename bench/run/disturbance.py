"""A process during which the machine changed is measured once more. No torch."""

import time
from collections.abc import Callable
from typing import Any


def measure_undisturbed(measure: Callable[[], dict[str, Any]], *, seconds: float) -> dict[str, Any]:
    """Return the fields of a measurement; of a second one if the machine changed during the first.

    The second measurement is left out where it would not fit the budget, and its fields are where
    it failed.

    Args:
        measure: Measures in a process and returns fields of a record.
        seconds: The budget of the case.
    """
    started = time.monotonic()
    fields = measure()
    took = time.monotonic() - started
    disturbed = (fields.get("machine_state") or {}).get("disturbed", False)
    if not disturbed or 2 * took > seconds:
        return fields
    again = measure()
    return again if again["status"] == "ok" else fields
