"""Machine, profile and subject of a small run of the benchmark; arguments replace fields."""

import sys
from pathlib import Path

from bench.plan.cases import Machine, SubjectInfo
from bench.plan.config import Profile

FAKE_WORKER = (sys.executable, str(Path(__file__).parents[1] / "bench" / "fake_worker.py"))
MACHINE = Machine(device="cpu", device_name="Some CPU", threads=1)


def make_profile(**changes):
    """Return a profile whose cases take milliseconds: one subject, cost and quality."""
    fields = {
        "name": "quick", "subjects": ("plain",), "resolutions": ("96x64", "48x32", "384x256"),
        "measured": ("48x32", "96x64"), "transforms": ("zca",), "warmup": 1, "samples": 3,
        "case_seconds": 600.0, "memory_fraction": 0.9, "quality_max_side": 64,
    }  # fmt: skip
    return Profile(**fields | changes)


def make_info(name="plain", **changes):
    """Return what the harness knows of a subject whose MACs are the same at every size."""
    macs = {"macs_content": 1, "macs_total": 400, "macs_by_operator": {}, "uncounted": {}}
    fields = {
        "source": name, "hash": f"hash of {name}", "transforms": ("zca",), "precision": "fp32",
        "has_quality": True, "num_params": 1, "num_eigenbasis_params": 0,
        "macs": dict.fromkeys(("48x32", "96x64", "384x256"), macs),
    }  # fmt: skip
    return SubjectInfo(name=name, **fields | changes)
