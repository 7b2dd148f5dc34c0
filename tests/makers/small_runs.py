"""Machine, benchmark profile, subject and context of a small run; arguments replace fields."""

import sys
from importlib import import_module
from pathlib import Path

import torch
from tqdm import tqdm

from bench.plan.cases import SubjectInfo
from bench.plan.config import BenchmarkProfile
from bench.records.identity import Machine
from bench.run.context import RunContext, RunDescription
from bench.run.recorder import Recorder
from bench.worker import process
from bench.worker.child import describe_failure

FAKE_WORKER = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))
_CHILDREN = ("worker.process", "run.preflight", "run.quality")
MACHINE = Machine(device="cpu", device_name="Some CPU", threads=1)


def make_profile(**changes):
    """Return a benchmark profile whose cases take milliseconds: one subject, cost and quality."""
    fields = {
        "name": "quick", "subjects": ("plain",), "resolutions": ("96x64", "48x32", "384x256"),
        "measured": ("48x32", "96x64"), "transforms": ("zca",), "warmup": 1, "samples": 3,
        "case_seconds": 600.0, "memory_fraction": 0.9, "quality_max_side": 64,
    }  # fmt: skip
    return BenchmarkProfile(**fields | changes)


def make_info(name="plain", **changes):
    """Return what a run knows of a subject whose MACs are the same at every size."""
    macs = {"macs_content": 1, "macs_total": 400, "macs_by_operator": {}, "uncounted": {}}
    fields = {
        "source": name, "hash": f"hash of {name}", "transforms": ("zca",), "precision": "fp32",
        "has_quality": True, "num_params": 1, "num_eigenbasis_params": 0,
        "macs": dict.fromkeys(("48x32", "96x64", "384x256"), macs),
    }  # fmt: skip
    return SubjectInfo(name=name, **fields | changes)


def make_description(*subjects, pairs=()):
    """Return the description of a run of some subjects on `MACHINE`."""
    return RunDescription(environment=MACHINE._asdict(), subjects=subjects, pairs=pairs)


def make_context(folder, *, command=("/none",), memory_bytes=2**34, known=None, **options):
    """Return the context of measurements that are recorded in a folder."""
    recorder = Recorder(folder=folder, environment={}, known=known or {})
    return RunContext(
        recorder=recorder, device="cpu", memory_bytes=memory_bytes, command=command, **options
    )


def no_bar():
    """Return a progress bar that prints nothing."""
    return tqdm(disable=True)


def run_jobs_here(monkeypatch, jobs):
    """Run jobs in this process: a child takes seconds to import torch."""

    def run_child(job, *, budget, on_message, command=None, environment=None):
        threads = torch.get_num_threads()
        try:
            jobs[job["job"]](job, on_message)
        except Exception as error:
            return process._failure(describe_failure(error))
        finally:
            torch.set_num_threads(threads)
        return process.Outcome(status="ok")

    # all are imported before the first is changed: a later import would keep the function of here
    for module in [import_module(f"bench.{name}") for name in _CHILDREN]:
        monkeypatch.setattr(module, "run_child", run_child)
