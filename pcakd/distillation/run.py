"""A whole distillation: teacher, eigenbases, training, and the student file with its card."""

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pcakd.backbones import (
    Backbone,
    create_backbone,
    describe_blocks,
    get_backbone_entry,
    normalize_activations,
)
from pcakd.distillation.context import Setting, teacher_dtype
from pcakd.distillation.data.photos import Photos, own_groups
from pcakd.distillation.eigenbases import fit_eigenbases
from pcakd.distillation.parallel import is_writer, wait_for_all
from pcakd.distillation.phases import AutoencoderPhase, EncoderPhase, Phase, StylizationPhase
from pcakd.distillation.recipe import Recipe
from pcakd.distillation.run_files.card import describe_teacher, describe_training, digest_manifest
from pcakd.distillation.run_files.checkpoint import CHECKPOINT, load_checkpoint
from pcakd.distillation.run_files.lock import claim_output
from pcakd.distillation.schedule import Leg
from pcakd.distillation.trainer import Run, Trainer
from pcakd.eigenbases import Eigenbasis, RankRule, load_eigenbases, save_eigenbases
from pcakd.errors import ConfigError
from pcakd.students import ARCHITECTURES, Student, StudentSpec, create_student, save_student
from pcakd.utils.files import write_text

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_EIGENBASES = "eigenbases.safetensors"
_OWN_NAMES = {Path(file).stem for file in (CHECKPOINT, _EIGENBASES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user asks for.

    Attributes:
        backbone: Name of the teacher.
        weight_set: Which of its weight sets; None is the default one.
        weights_path: A file to take them from.
        data: Folder of photographs.
        output: Folder for everything that is written; made if it is not there.
        name: Of the student, on its card and of its file; None is the backbone's.
        rule: How ranks are chosen.
        recipe: All other settings.
        device: Where to compute.
        resume: Go on from the checkpoint in ``output``.
    """

    backbone: str
    weight_set: str | None
    weights_path: Path | None
    data: Path
    output: Path
    name: str | None = None
    rule: RankRule
    recipe: Recipe
    device: torch.device
    resume: bool

    def __post_init__(self) -> None:
        if self.name is not None and not _NAME.fullmatch(self.name):
            raise ConfigError(
                f"the name {self.name!r} cannot be a file's; use letters, digits, '.', '_' and '-'"
            )
        if self.stem in _OWN_NAMES:
            raise ConfigError(f"the name {self.stem!r} is of a file of every run; use another")

    @property
    def stem(self) -> str:
        """The student's file name without its ending."""
        return self.name or self.backbone.rpartition("/")[2]


def distill(request: Request) -> Path:
    """Distil a student and return the path of its file.

    Raises:
        PcakdError: Bad input, an output that cannot be written, or a run that cannot recover.
    """
    for leg in request.recipe.legs():
        own_groups(leg.schedule.batch, leg.sampling)  # what cannot be shared is told at once
    if not is_writer():
        return _distill(request)
    with claim_output(request.output, resume=request.resume):
        return _distill(request)


def _distill(request: Request) -> Path:
    recipe = request.recipe
    photos = Photos(request.data, held_out=recipe.held_out, seed=recipe.seed)
    checkpoint = request.output / CHECKPOINT
    if is_writer() and not checkpoint.is_file():
        photos.check()
    wait_for_all()
    manifest = photos.manifest()
    teacher = create_backbone(
        request.backbone,
        weight_set=request.weight_set,
        path=request.weights_path,
        seed=recipe.seed,
    ).to(request.device)
    perceptual = create_backbone(recipe.perceptual, seed=recipe.seed).to(request.device)
    fingerprint = _fingerprint(request, teacher, perceptual, manifest)
    if checkpoint.is_file():  # only a resumed run comes here with one
        load_checkpoint(checkpoint, fingerprint=fingerprint)  # other settings are told at once
    eigenbases, means = _eigenbases(request, teacher, photos, fingerprint)
    student = _new_student(request, teacher, eigenbases)
    trainer = Trainer(
        Run(
            recipe=recipe,
            network=student,
            create_phase=_phases(request, student, teacher, perceptual, eigenbases),
            draw=lambda seed: create_student(student.spec, seed=seed),
            photos=photos,
            folder=request.output,
            fingerprint=fingerprint,
            average={"stylization": recipe.average},
        )
    )
    if request.resume and trainer.has_checkpoint:
        trainer.resume()
    trainer.train()
    path = request.output / f"{request.stem}.safetensors"
    if not is_writer():
        return path
    card = _card(request, trainer, teacher, perceptual, eigenbases, manifest)
    finished = Student(
        student.spec,
        regularizer=student.regularizer,
        eigenbases=[e.basis.cpu() for e in eigenbases],
        channel_means=means,
        card=card,
    )
    finished.load_state_dict(student.state_dict())
    save_student(path, finished)
    write_text(path.with_suffix(".json"), _pretty(card | {"manifest": manifest}))
    return path


def _fingerprint(
    request: Request, teacher: Backbone, perceptual: Backbone, manifest: dict[str, str]
) -> dict[str, Any]:
    return {
        "backbone": request.backbone,
        "name": request.stem,
        "teacher": teacher.card.sha256 if teacher.card else "seeded",
        "perceptual": perceptual.card.sha256 if perceptual.card else "seeded",
        "photos": digest_manifest(manifest),
        "recipe": request.recipe.to_json(),
        "ranks": list(request.rule.ranks or ()),
        "mcev": request.rule.mcev,
        "explained": request.rule.explained,
    }


def _eigenbases(
    request: Request, teacher: Backbone, photos: Photos, fingerprint: dict[str, Any]
) -> tuple[list[Eigenbasis], list[torch.Tensor]]:
    path = request.output / _EIGENBASES
    wanted = json.loads(json.dumps(fingerprint))
    normalized = get_backbone_entry(request.backbone).normalized
    if (request.output / CHECKPOINT).is_file() and path.exists():  # of the machine on the card
        fitted, means, card = load_eigenbases(path)
        if card == wanted:
            if normalized:
                normalize_activations(teacher, means)
            return _moved(fitted, request.device), means
    fitted, means = fit_eigenbases(
        teacher,
        photos,
        rule=request.rule,
        images=request.recipe.basis_images,
        device=request.device,
        normalized=normalized,
    )
    wait_for_all()  # until nobody reads what the writer is about to replace
    if is_writer():
        save_eigenbases(path, fitted, channel_means=means, card=wanted)
    return _moved(fitted, request.device), means


def _moved(eigenbases: list[Eigenbasis], device: torch.device) -> list[Eigenbasis]:
    return [
        Eigenbasis(
            basis=e.basis.to(device), eigenvalues=e.eigenvalues, mcev=e.mcev, explained=e.explained
        )
        for e in eigenbases
    ]


def _new_student(request: Request, teacher: Backbone, eigenbases: list[Eigenbasis]) -> Student:
    spec = _spec(request, teacher, eigenbases)
    variances = [float(each.eigenvalues.sum()) for each in eigenbases]
    regularizer = request.recipe.regularizer_for(variances)
    student = create_student(spec, seed=request.recipe.seed, regularizer=regularizer)
    student = student.eval().requires_grad_(False)
    return student.to(request.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _spec(request: Request, teacher: Backbone, eigenbases: list[Eigenbasis]) -> StudentSpec:
    """Describe the student: the paper's for its backbones, blocks like the teacher's for others."""
    first, second, third, fourth = (e.rank for e in eigenbases)
    ranks = first, second, third, fourth
    for architecture in ARCHITECTURES:
        if architecture == request.backbone:
            return StudentSpec(architecture=architecture, ranks=ranks)
    return StudentSpec(architecture="designed", ranks=ranks, designs=describe_blocks(teacher))


def _phases(
    request: Request,
    student: Student,
    teacher: Backbone,
    perceptual: Backbone,
    eigenbases: list[Eigenbasis],
) -> Any:
    """Return what makes the phases of a student's legs."""
    dtype = teacher_dtype(request.device)
    teacher = teacher.to(memory_format=torch.channels_last)
    setting = Setting(
        student=student,
        teacher=copy.deepcopy(teacher).to(dtype),
        check_teacher=teacher,
        eigenbases=eigenbases,
    )
    looking = perceptual.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def create(leg: Leg) -> Phase:
        if leg.phase == "encoder":
            return EncoderPhase(setting, request.recipe)
        if leg.phase == "autoencoder":
            return AutoencoderPhase(setting, request.recipe)
        return StylizationPhase(setting, request.recipe, looking)

    return create


def _card(
    request: Request,
    trainer: Trainer,
    teacher: Backbone,
    perceptual: Backbone,
    eigenbases: list[Eigenbasis],
    manifest: dict[str, str],
) -> dict[str, Any]:
    training = describe_training(trainer, manifest)
    training["photos"]["basis"] = min(request.recipe.basis_images, len(manifest))
    return {
        "name": request.name or request.backbone,
        "teacher": describe_teacher(teacher),
        "perceptual": describe_teacher(perceptual),
        "licence": "MIT",
        "ranks": [e.rank for e in eigenbases],
        "mcev": [e.mcev for e in eigenbases],
        "explained": [e.explained for e in eigenbases],
        "num_eigenbasis_params": sum(e.basis.numel() for e in eigenbases),
        **training,
    }


def _pretty(card: dict[str, Any]) -> str:
    return json.dumps(card, indent=2, sort_keys=True) + "\n"
