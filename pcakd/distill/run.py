"""A whole distillation: teacher, eigenbases, block pairs, and the student file with its card."""

import copy
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from pcakd.backbones import (
    Backbone,
    create_backbone,
    describe_blocks,
    get_backbone_entry,
    measure_channel_means,
    normalize_activations,
)
from pcakd.distill.card import describe_teacher, describe_training, digest_manifest
from pcakd.distill.checkpoint import CHECKPOINT, load_checkpoint, open_output
from pcakd.distill.photos import Photos
from pcakd.distill.recipe import PHASES, Recipe
from pcakd.distill.setting import Setting, teacher_dtype
from pcakd.distill.trainer import Run, Trainer
from pcakd.eigenbases import (
    CovarianceStream,
    Eigenbasis,
    RankRule,
    fit_eigenbasis,
    load_eigenbases,
    save_eigenbases,
)
from pcakd.files import write_text
from pcakd.precision import full_precision
from pcakd.students import ARCHITECTURES, Student, StudentSpec, create_student, save_student

_BASIS_CROP = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user asks for.

    Attributes:
        backbone: Name of the teacher.
        weight_set: Which of its weight sets; None is the default one.
        weights_path: A file to take them from.
        data: Folder of photographs.
        output: Folder for everything that is written; made if its parent exists.
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
    rule: RankRule
    recipe: Recipe
    device: torch.device
    resume: bool


def distill(request: Request) -> Path:
    """Distil a student and return the path of its file.

    Raises:
        PcakdError: Bad input, an output that cannot be written, or a run that cannot recover.
    """
    open_output(request.output, resume=request.resume)
    recipe = request.recipe
    photos = Photos(request.data, held_out=recipe.held_out, seed=recipe.seed)
    checkpoint = request.output / CHECKPOINT
    if not checkpoint.is_file():
        photos.check()
    manifest = photos.manifest()
    teacher = create_backbone(
        request.backbone,
        weight_set=request.weight_set,
        path=request.weights_path,
        seed=recipe.seed,
    ).to(request.device)
    fingerprint = _fingerprint(request, teacher, manifest)
    if checkpoint.is_file():  # only a resumed run comes here with one
        load_checkpoint(checkpoint, fingerprint=fingerprint)  # other settings are told at once
    eigenbases, means = _eigenbases(request, teacher, photos, fingerprint)
    student = _new_student(request, teacher, eigenbases)
    run = _run(request, student, teacher, eigenbases, photos, fingerprint)
    trainer = Trainer(run)
    if request.resume and trainer.has_checkpoint:
        trainer.resume()
    trainer.train()
    card = _card(request, trainer, teacher, eigenbases, manifest)
    finished = Student(
        student.spec,
        regularizer=recipe.regularizer,
        eigenbases=[e.basis.cpu() for e in eigenbases],
        channel_means=means,
        card=card,
    )
    finished.load_state_dict(student.state_dict())
    path = request.output / f"{request.backbone.rpartition('/')[2]}.safetensors"
    save_student(path, finished)
    write_text(path.with_suffix(".json"), _pretty(card | {"manifest": manifest}))
    return path


def fit_eigenbases(
    backbone: Backbone,
    photos: Photos,
    *,
    rule: RankRule,
    images: int,
    device: torch.device,
    normalized: bool,
) -> tuple[list[Eigenbasis], list[Tensor]]:
    """Normalise a teacher (in place, where it is to be) and fit its global eigenbases.

    Args:
        backbone: The teacher, on the device.
        photos: Where the crops come from: the centres of training photographs, 256 px.
        rule: How ranks are chosen.
        images: How many photographs to use at most.
        device: Where to compute.
        normalized: Whether Gatys' normalisation belongs to this teacher.

    Returns:
        Four eigenbases, and the channel means that the teacher was divided by (or nothing).
    """
    paths = photos.training[:: max(1, len(photos.training) // images)][:images]

    def crops(title: str) -> Any:
        batches = photos.centre_crops(paths, size=1, crop=_BASIS_CROP)
        bar = tqdm(batches, total=len(paths), desc=title, unit="photo")
        return (batch.to(device, memory_format=torch.channels_last) for batch in bar)

    means: list[Tensor] = []
    if normalized:
        with full_precision():
            means = measure_channel_means(backbone, crops("channel means"))
        normalize_activations(backbone, means)
    streams = [CovarianceStream() for _ in backbone.taps]
    with torch.inference_mode(), full_precision():
        for image in crops("covariances"):
            for stream, features in zip(streams, backbone(image), strict=True):
                stream.update(features)
    fitted = [fit_eigenbasis(s, tap=tap, rule=rule) for tap, s in enumerate(streams, start=1)]
    return fitted, means


def _fingerprint(request: Request, teacher: Backbone, manifest: dict[str, str]) -> dict[str, Any]:
    return {
        "backbone": request.backbone,
        "teacher": teacher.card.sha256 if teacher.card else "seeded",
        "photos": digest_manifest(manifest),
        # the regularizer is used after training: a finished run may be resumed with another one
        "recipe": replace(request.recipe, regularizer=1.0).to_json(),
        "ranks": list(request.rule.ranks or ()),
        "mcev": request.rule.mcev,
        "explained": request.rule.explained,
    }


def _eigenbases(
    request: Request, teacher: Backbone, photos: Photos, fingerprint: dict[str, Any]
) -> tuple[list[Eigenbasis], list[Tensor]]:
    path = request.output / "eigenbases.safetensors"
    wanted = json.loads(json.dumps(fingerprint))
    normalized = get_backbone_entry(request.backbone).normalized
    if request.resume and path.exists():
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
    student = create_student(_spec(request, teacher, eigenbases), seed=request.recipe.seed)
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


def _run(
    request: Request,
    student: Student,
    teacher: Backbone,
    eigenbases: list[Eigenbasis],
    photos: Photos,
    fingerprint: dict[str, Any],
) -> Run:
    teacher = teacher.to(memory_format=torch.channels_last)
    fast = copy.deepcopy(teacher).to(teacher_dtype(request.device))
    setting = Setting(
        student=student,
        teacher=fast,
        eigenbases=eigenbases,
        tap_offset=request.recipe.tap_offset,
    )
    return Run(
        recipe=request.recipe,
        setting=setting,
        phases=PHASES,
        draw=lambda seed: create_student(student.spec, seed=seed),
        check_teacher=teacher,
        photos=photos,
        folder=request.output,
        fingerprint=fingerprint,
    )


def _card(
    request: Request,
    trainer: Trainer,
    teacher: Backbone,
    eigenbases: list[Eigenbasis],
    manifest: dict[str, str],
) -> dict[str, Any]:
    return {
        "name": request.backbone,
        "teacher": describe_teacher(teacher),
        "licence": "MIT",
        "ranks": [e.rank for e in eigenbases],
        "mcev": [e.mcev for e in eigenbases],
        "explained": [e.explained for e in eigenbases],
        "num_eigenbasis_params": sum(e.basis.numel() for e in eigenbases),
        **describe_training(trainer, manifest),
    }


def _pretty(card: dict[str, Any]) -> str:
    return json.dumps(card, indent=2, sort_keys=True) + "\n"
