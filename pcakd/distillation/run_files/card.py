"""The card of a training: software, recipe, losses, photographs, device and time."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pcakd.backbones import Backbone
from pcakd.distillation.run_files.checkpoint import Progress


def describe_training(
    progress: Progress,
    *,
    recipe: Mapping[str, Any],
    num_params: int,
    held_out: int,
    manifest: Mapping[str, str],
    step_dtype: str = "float32",
) -> dict[str, Any]:
    """Return the entries that the card of every trained network has.

    Args:
        progress: State of the finished training.
        recipe: The settings as JSON values.
        num_params: Parameters of the network.
        held_out: Number of held-out photographs.
        manifest: SHA-256 of each training photograph by its name.
        step_dtype: Precision of the training steps.
    """
    sessions = progress.sessions
    return {
        "finished": progress.finished,
        "num_params": num_params,
        "recipe": dict(recipe),
        "phases": progress.reports,
        "photos": {
            "training": len(manifest),
            "held_out": held_out,
            "manifest_sha256": digest_manifest(manifest),
        },
        **sessions[-1],
        **({"sessions": sessions} if len(sessions) > 1 else {}),
        "step_dtype": step_dtype,
        **_cost(progress),
    }


def _cost(progress: Progress) -> dict[str, float]:
    """Return the time of the training steps: core-minutes on a CPU, else device-minutes.

    Core-minutes are CPU time, so pauses and other processes on the machine do not count. Both are
    sums over processes.
    """
    on_cpu = progress.sessions[-1]["device"].startswith("cpu")
    seconds = progress.cpu_seconds if on_cpu else progress.device_seconds
    name = "core_minutes" if on_cpu else "device_minutes"
    return {"device_seconds": progress.device_seconds, name: round(seconds / 60.0, 1)}


def describe_teacher(teacher: Backbone) -> dict[str, Any]:
    """Return the origin of a teacher's weights."""
    weights = teacher.card
    return {
        "backbone": teacher.name,
        "weight_set": weights.weight_set if weights else "seeded",
        "sha256": weights.sha256 if weights else None,
        "verified": weights.verified if weights else False,
        "licence": weights.licence if weights else None,
    }


def digest_manifest(manifest: Mapping[str, str]) -> str:
    """Return the SHA-256 of a manifest."""
    return hashlib.sha256(json.dumps(dict(manifest), sort_keys=True).encode()).hexdigest()
