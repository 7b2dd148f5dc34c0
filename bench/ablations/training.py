"""Trains a lever's student, or tells how the training collapsed."""

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import torch

from bench.ablations.plan import Lever
from bench.machine.environment import describe_environment
from bench.plan.image_pairs import ImagePair
from pcakd.commands import distill as command
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.run import Request, distill
from pcakd.distillation.run_files.card import digest_manifest
from pcakd.distillation.run_files.checkpoint import CHECKPOINT
from pcakd.errors import CollapsedTrainingError, ConfigError, ImageError
from pcakd.images import list_images
from pcakd.utils.files import write_text

_DIGITS = 8
_OUTCOME = "outcome.json"


class _Parser(argparse.ArgumentParser):
    """A parser of a plan's options: what is wrong with them is an error of the plan."""

    def error(self, message: str) -> NoReturn:
        """Say whose options they are."""
        raise ConfigError(f"lever {self.prog}: {message}; `pcakd distill --help` lists options")


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A lever's training, done or not.

    Attributes:
        lever: Whose.
        request: What is distilled.
        recipe: Its settings as JSON values.
        photos: Digest of the training photographs.
        commit: That the code is at, marked if it was edited.
        folders: Pattern of the folders of this training in ``--work``, one a kind of device.
    """

    lever: Lever
    request: Request
    recipe: dict[str, Any]
    photos: str
    commit: str | None
    folders: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a lever's training.

    Attributes:
        student: The student's file; None if the training failed.
        failure: What it ended with, if it did.
        commit: That the code was at, marked if it was edited.
        environment: Machine and versions that trained.
    """

    student: Path | None
    failure: str | None
    commit: str | None
    environment: dict[str, Any]


def plan_training(
    lever: Lever,
    *,
    data: Path,
    work: Path,
    device: torch.device,
    commit: str | None,
    edits: str | None = None,
) -> Training:
    """Read a lever's options and find the folder of its training.

    The folder's name tells trainings with other options, recipes, photographs or code apart: one
    goes on only where it was stopped itself.

    Args:
        lever: Whose training.
        data: Folder of photographs.
        work: Folder of the folders of trainings.
        device: Where to train.
        commit: That the code is at, marked if it was edited.
        edits: What tells edits of one commit apart.

    Raises:
        PcakdError: An option that cannot be used, or no photographs.
    """
    request = command.create_request(_read_options(lever, data=data, work=work), device)
    recipe = json.loads(json.dumps(request.recipe.to_json()))
    sample = Photos(data, held_out=request.recipe.held_out, seed=request.recipe.seed)
    photos = digest_manifest(sample.manifest())
    identity = json.dumps([lever.options, recipe, photos, commit, edits])
    stem = f"{lever.name}-{hashlib.sha256(identity.encode()).hexdigest()[:_DIGITS]}"
    output = work / f"{stem}-{device.type}"
    resume = (output / CHECKPOINT).is_file()
    request = replace(request, output=output, resume=resume)
    return Training(
        lever=lever,
        request=request,
        recipe=recipe,
        photos=photos,
        commit=commit,
        folders=f"{stem}-*",
    )


def _read_options(lever: Lever, *, data: Path, work: Path) -> argparse.Namespace:
    parser = _Parser(prog=lever.name)
    command.add_arguments(parser)
    places = ["--data", str(data), "-o", str(work), "--name", lever.name]
    given = parser.parse_args([*places, *lever.options])  # the last one wins
    for option, ours in (
        ("data", data),
        ("output", work),
        ("name", lever.name),
        ("device", parser.get_default("device")),
        ("resume", False),
        ("compare_with", None),
    ):
        if getattr(given, option) != ours:
            raise ConfigError(
                f"lever {lever.name}: --{option.replace('_', '-')} is not a plan's to give; drop it"
            )
    return given


def require_unseen(pairs: Sequence[ImagePair], data: Path) -> None:
    """Check that no pair has a photograph of the training folder.

    Raises:
        ConfigError: One has.
        ImageError: The folder holds no photographs.
    """
    seen = {_digest(photo): photo.name for photo in list_images(data)}
    for pair in pairs:
        for path in (pair.content, pair.style):
            if name := seen.get(_digest(path)):
                raise ConfigError(
                    f"{path} is {name} of the training photographs in {data}; score over others"
                )


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror or error}") from error


def train(training: Training) -> Outcome:
    """Distil, unless this was done already, here or on another machine.

    Raises:
        PcakdError: Bad input, or an output that cannot be written.
    """
    done = find_outcome(training)
    if done is not None:
        return done
    try:
        student, failure = distill(training.request), None
    except CollapsedTrainingError as error:
        student, failure = None, str(error)
    outcome = Outcome(
        student=student,
        failure=failure,
        commit=training.commit,
        environment=describe_environment(training.request.device),
    )
    content = asdict(outcome) | {"student": student.name if student else None}
    write_text(training.request.output / _OUTCOME, json.dumps(content, indent=1) + "\n")
    return outcome


def find_outcome(training: Training) -> Outcome | None:
    """Return what came of a training that is done, or None.

    One on the device that was asked for goes before one on another.

    Raises:
        ConfigError: What it left is damaged, or several other devices did it.
    """
    own = training.request.output
    found = [*own.parent.glob(f"{training.folders}/{_OUTCOME}")]
    if own / _OUTCOME in found:
        found = [own / _OUTCOME]
    if len(found) > 1:
        names = ", ".join(sorted(path.parent.name for path in found))
        raise ConfigError(f"{own.parent} holds {names}; keep one of them, or name its --device")
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
