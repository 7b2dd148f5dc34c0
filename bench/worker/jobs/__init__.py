"""The jobs of a child process: describe a run, measure a case, score a subject."""

from collections.abc import Callable, Mapping

from bench.worker.jobs.describe import describe_run
from bench.worker.jobs.gate import compare_outputs, write_images
from bench.worker.jobs.measure import (
    measure_breakdown,
    measure_capacity,
    measure_cost,
    measure_memory,
    measure_ratio,
)
from bench.worker.jobs.score import score_quality
from bench.worker.jobs.setup import Job, Send

JOBS: Mapping[str, Callable[[Job, Send], None]] = {
    "describe": describe_run,
    "cost": measure_cost,
    "memory": measure_memory,
    "ratio": measure_ratio,
    "breakdown": measure_breakdown,
    "capacity": measure_capacity,
    "quality": score_quality,
    "gate_images": write_images,
    "gate_outputs": compare_outputs,
}

__all__ = [
    "JOBS",
    "Job",
    "Send",
    "compare_outputs",
    "describe_run",
    "measure_breakdown",
    "measure_capacity",
    "measure_cost",
    "measure_memory",
    "measure_ratio",
    "score_quality",
    "write_images",
]
