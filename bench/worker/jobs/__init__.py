"""What a child process does with a job: describe a run, measure a case, score a subject."""

from collections.abc import Callable, Mapping

from bench.worker.jobs.describe import describe_run
from bench.worker.jobs.measure import measure_capacity, measure_cost, measure_pair, measure_stages
from bench.worker.jobs.score import score_quality
from bench.worker.jobs.setup import Job, Send

JOBS: Mapping[str, Callable[[Job, Send], None]] = {
    "describe": describe_run,
    "cost": measure_cost,
    "pair": measure_pair,
    "capacity": measure_capacity,
    "stages": measure_stages,
    "quality": score_quality,
}

__all__ = [
    "JOBS",
    "Job",
    "Send",
    "describe_run",
    "measure_capacity",
    "measure_cost",
    "measure_pair",
    "measure_stages",
    "score_quality",
]
