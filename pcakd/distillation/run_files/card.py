"""What a card tells of a training: software, recipe, losses, photographs, device, time."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pcakd.backbones import Backbone
from pcakd.distillation.run_files.checkpoint import Progress
from pcakd.distillation.trainer import Trainer


def describe_training(trainer: Trainer, manifest: Mapping[str, str]) -> dict[str, Any]:
    """Return the entries that every trained network's card has.

    Args:
        trainer: Has done its work.
        manifest: SHA-256 of each training photograph by its name.
    """
    run, decoders = trainer.run, any(leg.phase == "decoder" for leg in trainer.legs)
    progress = trainer.progress
    sessions = progress.sessions
    return {
        "finished": progress.finished,
        "num_params": run.network.num_params,
        "recipe": run.recipe.to_json(),
        "legs": progress.reports,
        "photos": {
            "training": len(manifest),
            "held_out": len(run.photos.held_out),
            "manifest_sha256": digest_manifest(manifest),
        },
        **sessions[-1],
        **({"sessions": sessions} if len(sessions) > 1 else {}),
        "step_dtype": sessions[-1]["teacher_dtype"] if decoders else "float32",
        **_cost(progress),
    }


def _cost(progress: Progress) -> dict[str, float]:
    """Return what the steps took: core-minutes on a CPU, else device-minutes of all processes.

    Core-minutes are CPU time, so that neither a pause nor a neighbour on the machine counts.
    """
    on_cpu = progress.sessions[-1]["device"].startswith("cpu")
    seconds = progress.cpu_seconds if on_cpu else progress.device_seconds
    name = "core_minutes" if on_cpu else "device_minutes"
    return {"device_seconds": progress.device_seconds, name: round(seconds / 60.0, 1)}


def describe_teacher(teacher: Backbone) -> dict[str, Any]:
    """Return where a teacher's weights come from."""
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
