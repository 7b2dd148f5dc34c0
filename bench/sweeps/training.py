"""Trains the student of a trial, or reports how the training collapsed."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from bench.machine.environment import describe_environment
from bench.sweeps.early_stopping import (
    Rungs,
    StoppedEarlyError,
    load_rungs,
    name_group,
    watch,
)
from bench.sweeps.options import create_config
from bench.sweeps.plan import Trial
from bench.sweeps.records import STOPPED, TrialRecord
from pcakd.distillation.config import DistillConfig
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.run import distill
from pcakd.distillation.run_files.card import digest_manifest
from pcakd.distillation.run_files.checkpoint import CHECKPOINT, read_progress
from pcakd.distillation.trainer import Step
from pcakd.errors import CollapsedTrainingError, ConfigError, PcakdError
from pcakd.students import load_student
from pcakd.utils.files import write_text
from pcakd.weights.hashing import hash_tensors

_DIGITS = 8
_OUTCOME = "outcome.json"
_SHARED = "shared"  # phases before the last one, of trainings that differ in the last one alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The training of a trial, finished or not.

    Attributes:
        trial: The trial.
        config: The configuration of its distillation.
        recipe: The recipe as JSON values.
        photos: Digest of the training photographs.
        commit: Commit of the code, marked if there are edits.
        folders: Pattern of the folders of this training in ``--work``, one per kind of device.
        start: Hash of the weights of the student to start from; None without one.
        edits: Hash of the edits of the code, if there are some.
        compared: Whether early stopping compares it with others; not if it is another training of
            the same student.
        stopping: Whether the sweep stops trainings early.
        is_base: Whether other trials are compared with it; it is then not stopped.
    """

    trial: Trial
    config: DistillConfig
    recipe: dict[str, Any]
    photos: str
    commit: str | None
    folders: str
    start: str | None = None
    edits: str | None = None
    compared: bool = True
    stopping: bool = False
    is_base: bool = False

    def is_recorded_by(self, record: TrialRecord | None, pairs: str) -> bool:
        """Return whether a record is one of this training, scored on these image pairs."""
        return (
            record is not None
            and record.is_of(self.trial.arguments, self.recipe, self.photos, pairs)
            and (not record.card or record.start == self.start)
            and (self.may_stop or not record.stopped)
        )

    @property
    def may_stop(self) -> bool:
        """Whether this training may stop early."""
        return self.stopping and not self.is_base


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a training.

    Attributes:
        student: The student's file; None if the training failed.
        failure: The error of a failed training, otherwise None.
        commit: Commit of the code, marked if there were edits.
        environment: Machine and versions of the training.
        rungs: ``TrialRecord.rungs``.
    """

    student: Path | None
    failure: str | None
    commit: str | None
    environment: dict[str, Any]
    rungs: dict[str, Any] = field(default_factory=dict)

    @property
    def stopped(self) -> bool:
        """Whether the training stopped early."""
        return bool(self.rungs.get(STOPPED))


def plan_training(
    trial: Trial,
    *,
    data: Path,
    work: Path,
    device: torch.device,
    commit: str | None,
    edits: str | None = None,
    compared: bool = True,
    stopping: bool = False,
    is_base: bool = False,
) -> Training:
    """Build the configuration of a trial and find the folder of its training.

    The folder's name contains a hash of options, recipe, photographs and code: only the same
    training resumes there.

    Args:
        trial: The trial.
        data: Folder of photographs.
        work: Folder of the folders of trainings.
        device: Device to train on.
        commit: Commit of the code, marked if there are edits.
        edits: Hash of the edits.
        compared: `Training.compared`.
        stopping: `Training.stopping`.
        is_base: `Training.is_base`.

    Raises:
        PcakdError: An option has a bad value, or there are no photographs.
    """
    try:
        config = create_config(trial.options, data=data, output=work, name=trial.name)
        start = None if config.start is None else _hash_student(config.start)
    except PcakdError as error:
        raise ConfigError(f"trial {trial.name}: {error}") from error
    recipe = config.settings.to_json()
    sample = Photos(data, held_out=config.settings.held_out, seed=config.settings.seed)
    photos = digest_manifest(sample.manifest())
    parts = [trial.arguments, recipe, photos, commit, edits, *([start] if start else [])]
    identity = json.dumps(parts)
    stem = f"{trial.name}-{hashlib.sha256(identity.encode()).hexdigest()[:_DIGITS]}"
    output = work / f"{stem}-{device.type}"
    resume = (output / CHECKPOINT).is_file()
    return Training(
        trial=trial,
        config=replace(
            config,
            output=output,
            resume=resume,
            device=str(device),
            shared=commit and work / _SHARED / _name_code(commit, edits),
        ),
        recipe=recipe,
        photos=photos,
        commit=commit,
        folders=f"{stem}-*",
        start=start,
        edits=edits,
        compared=compared,
        stopping=stopping,
        is_base=is_base,
    )


def _name_code(commit: str, edits: str | None) -> str:
    return f"{commit[:_DIGITS]}-{edits[:_DIGITS]}" if edits else commit[:_DIGITS]


def _hash_student(name_or_path: str | PathLike[str]) -> str:
    return hash_tensors(load_student(name_or_path).state_dict())


def train(training: Training) -> Outcome:
    """Distil, unless the training is finished already, on this or another machine.

    Raises:
        PcakdError: The input cannot be used, or the output cannot be written.
    """
    done = find_outcome(training)
    if done is not None:
        return done
    stopped = False
    (training.config.folder / _OUTCOME).unlink(missing_ok=True)  # of one that stopped early
    try:
        distill(training.config, on_step=_watch(training))
        student, failure = training.config.student_path, None
    except CollapsedTrainingError as error:
        student, failure = None, str(error)
    except StoppedEarlyError as error:
        student, failure, stopped = None, str(error), True
    rungs = load_rungs(training.config.folder) if training.compared else None
    outcome = Outcome(
        student=student,
        failure=failure,
        commit=training.commit,
        environment=describe_environment(training.config.resolve_device()),
        rungs={**rungs.to_json(), STOPPED: stopped} if rungs else {},
    )
    content = asdict(outcome) | {"student": student.name if student else None}
    write_text(training.config.folder / _OUTCOME, json.dumps(content, indent=1) + "\n")
    return outcome


def _watch(training: Training) -> Callable[[Step], None] | None:
    """Return what writes the losses of a training that is compared, and may stop it."""
    if not training.compared:
        return None
    config = training.config
    teacher = [config.backbone, config.weights and str(config.weights), training.start]
    code = [training.commit, training.edits, config.resolve_device().type]
    (*_, last) = config.training.phases()
    rungs = Rungs(
        name=training.trial.name,
        group=name_group(training.recipe, training.photos, *teacher, *code),
        macs=0.0,
        steps=last.schedule.steps,
        losses={},
    )
    return watch(rungs, config.folder, phase=last.name, stopping=training.may_stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How far a trial is.

    Attributes:
        text: In words.
        steps_left: Steps that are left of each phase.
    """

    text: str
    steps_left: tuple[int, ...]


def describe_state(
    training: Training, record: TrialRecord | None, pairs: str | None = None
) -> State:
    """Return how far a trial is, from its record, its finished training or its checkpoint.

    Args:
        training: The training of the trial.
        record: Its record, if there is one.
        pairs: Digest of the image pairs; None takes those of the record.

    Raises:
        PcakdError: A file of the training is damaged.
    """
    phases = training.config.training.phases()
    nothing = (0,) * len(phases)
    if record and training.is_recorded_by(record, pairs or record.pairs):
        return State(text="recorded", steps_left=nothing)
    if find_outcome(training):
        return State(text="trained", steps_left=nothing)
    left = [phase.schedule.steps for phase in phases]
    checkpoint = training.config.folder / CHECKPOINT
    if not checkpoint.is_file():
        return State(text="not begun", steps_left=tuple(left))
    progress = read_progress(checkpoint)
    left[: progress.phase] = nothing[: progress.phase]
    text = "phases done"
    if progress.phase < len(phases):
        current = phases[progress.phase]
        left[progress.phase] -= progress.step
        text = f"{current.name} {progress.step}/{current.schedule.steps}"
    return State(text=text, steps_left=tuple(left))


def find_outcome(training: Training) -> Outcome | None:
    """Return the outcome of a finished training, or None.

    A training on the requested device takes precedence over those on other devices.

    Raises:
        ConfigError: The files of the training are damaged, or several other devices have one.
    """
    own = training.config.folder
    paths = [*own.parent.glob(f"{training.folders}/{_OUTCOME}")]
    if own / _OUTCOME in paths and not (outcome := _read_outcome(own / _OUTCOME)).stopped:
        return outcome
    found = {path.parent: _read_outcome(path) for path in paths}
    stopped = {folder: each for folder, each in found.items() if each.stopped}
    whole = {folder: each for folder, each in found.items() if not each.stopped}
    found = whole or (stopped if training.may_stop else {})
    if own in found:
        return found[own]
    if len(found) > 1:
        names = ", ".join(sorted(folder.name for folder in found))
        raise ConfigError(f"{own.parent} holds {names}; keep one of them, or give its --device")
    return next(iter(found.values()), None)


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
