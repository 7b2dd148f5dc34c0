"""Trains the student of an ablation, or reports how the training collapsed."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bench.ablations.options import create_config
from bench.ablations.plan import Ablation
from bench.machine.environment import describe_environment
from pcakd.distillation.config import DistillConfig
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.run import distill
from pcakd.distillation.run_files.card import digest_manifest
from pcakd.distillation.run_files.checkpoint import CHECKPOINT
from pcakd.errors import CollapsedTrainingError, ConfigError, PcakdError
from pcakd.utils.files import write_text

_DIGITS = 8
_OUTCOME = "outcome.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The training of an ablation, finished or not.

    Attributes:
        ablation: The ablation.
        config: The configuration of its distillation.
        recipe: The recipe as JSON values.
        photos: Digest of the training photographs.
        commit: Commit of the code, marked if there are edits.
        folders: Pattern of the folders of this training in ``--work``, one per kind of device.
    """

    ablation: Ablation
    config: DistillConfig
    recipe: dict[str, Any]
    photos: str
    commit: str | None
    folders: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a training.

    Attributes:
        student: The student's file; None if the training failed.
        failure: The error of a failed training, otherwise None.
        commit: Commit of the code, marked if there were edits.
        environment: Machine and versions of the training.
    """

    student: Path | None
    failure: str | None
    commit: str | None
    environment: dict[str, Any]


def plan_training(
    ablation: Ablation,
    *,
    data: Path,
    work: Path,
    device: torch.device,
    commit: str | None,
    edits: str | None = None,
) -> Training:
    """Build the configuration of an ablation and find the folder of its training.

    The folder's name contains a hash of options, recipe, photographs and code: only the same
    training resumes there.

    Args:
        ablation: The ablation.
        data: Folder of photographs.
        work: Folder of the folders of trainings.
        device: Device to train on.
        commit: Commit of the code, marked if there are edits.
        edits: Hash of the edits.

    Raises:
        PcakdError: An option has a bad value, or there are no photographs.
    """
    try:
        config = create_config(ablation.options, data=data, output=work, name=ablation.name)
    except PcakdError as error:
        raise ConfigError(f"ablation {ablation.name}: {error}") from error
    recipe = config.settings.to_json()
    sample = Photos(data, held_out=config.settings.held_out, seed=config.settings.seed)
    photos = digest_manifest(sample.manifest())
    identity = json.dumps([ablation.arguments, recipe, photos, commit, edits])
    stem = f"{ablation.name}-{hashlib.sha256(identity.encode()).hexdigest()[:_DIGITS]}"
    output = work / f"{stem}-{device.type}"
    resume = (output / CHECKPOINT).is_file()
    return Training(
        ablation=ablation,
        config=replace(config, output=output, resume=resume, device=str(device)),
        recipe=recipe,
        photos=photos,
        commit=commit,
        folders=f"{stem}-*",
    )


def train(training: Training) -> Outcome:
    """Distil, unless the training is finished already, on this or another machine.

    Raises:
        PcakdError: The input cannot be used, or the output cannot be written.
    """
    done = find_outcome(training)
    if done is not None:
        return done
    try:
        distill(training.config)
        student, failure = training.config.student_path, None
    except CollapsedTrainingError as error:
        student, failure = None, str(error)
    outcome = Outcome(
        student=student,
        failure=failure,
        commit=training.commit,
        environment=describe_environment(training.config.resolve_device()),
    )
    content = asdict(outcome) | {"student": student.name if student else None}
    write_text(training.config.folder / _OUTCOME, json.dumps(content, indent=1) + "\n")
    return outcome


def find_outcome(training: Training) -> Outcome | None:
    """Return the outcome of a finished training, or None.

    A training on the requested device takes precedence over those on other devices.

    Raises:
        ConfigError: The files of the training are damaged, or several other devices have one.
    """
    own = training.config.folder
    found = [*own.parent.glob(f"{training.folders}/{_OUTCOME}")]
    if own / _OUTCOME in found:
        found = [own / _OUTCOME]
    if len(found) > 1:
        names = ", ".join(sorted(path.parent.name for path in found))
        raise ConfigError(f"{own.parent} holds {names}; keep one of them, or give its --device")
    return _read_outcome(found[0]) if found else None


def _read_outcome(path: Path) -> Outcome:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name = content.pop("student")
        outcome = Outcome(student=path.parent / name if name else None, **content)
        whole = outcome.student is None or outcome.student.is_file()
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        whole = False
    if not whole:
        raise ConfigError(f"{path} or its student is damaged; delete its folder to train again")
    return outcome
