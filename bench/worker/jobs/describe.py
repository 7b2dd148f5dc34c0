"""The job that describes a run before anything is measured."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from bench.machine.environment import describe_environment
from bench.plan.image_pairs import ImagePair
from bench.quality.pairs import describe_pair
from bench.subjects import Subject, drop_precision, parse_subject
from bench.worker.jobs.setup import Job, Send, choose_device
from pcakd.errors import ConfigError


def describe_run(job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject) -> None:
    """Send the environment, each image pair and each subject with its multiply-adds.

    Bad input of a run ends it here, before anything is measured.
    """
    device = choose_device(job["device"])
    for source in job["subjects"]:  # report a wrong name before others are counted
        _require_device(parse(source), device)
    send({"type": "environment", **describe_environment(device)})
    torch.set_num_threads(1)  # the traced images are tiny, and threads would slow them down
    for pair in job["pairs"]:
        send({"type": "image_pair", **_describe_pair(pair, job["max_side"])})
    for source in job["subjects"]:
        send({"type": "subject", **_describe_subject(source, job["resolutions"], parse)})


def _require_device(subject: Subject, device: torch.device) -> None:
    if subject.precision == "int8" and device.type != "cpu":
        raise ConfigError(
            f"subject {subject.name!r}: 8-bit integers run on the CPU; give --device cpu, or drop "
            "+int8"
        )


def _describe_pair(pair: Job, max_side: int) -> dict[str, Any]:
    """Read an image pair; broken or too small files end the run before it begins."""
    return describe_pair(ImagePair.from_message(pair), max_side).to_message()


def _describe_subject(
    source: str, resolutions: list[Job], parse: Callable[[str], Subject]
) -> dict[str, Any]:
    from bench.profiling.macs import count_macs

    subject = parse(source)
    # a count is the same in any precision, and half precision is slow on a CPU
    plain = parse(drop_precision(source))
    measured = resolutions if subject.has_cost else []
    counts = count_macs(
        plain.prepare("cpu"), [(each["height"], each["width"]) for each in measured]
    )
    return {
        "source": source,
        "name": subject.name,
        "hash": subject.hash,
        "transforms": list(subject.transforms),
        "precision": subject.precision,
        "has_quality": subject.has_quality,
        "num_params": subject.num_params,
        "num_eigenbasis_params": subject.num_eigenbasis_params,
        "cost_subject": subject.cost_subject,
        "regularizers": list(subject.regularizers) if subject.regularizers else None,
        "trained_metrics": list(subject.trained_metrics),
        "history": str(subject.history) if subject.history else None,
        "macs": {each["name"]: asdict(count) for each, count in zip(measured, counts, strict=True)},
    }
