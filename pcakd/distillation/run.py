"""A whole distillation: teacher, eigenbases, training, and the student with its card."""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pcakd.backbones import (
    Backbone,
    create_backbone,
    get_backbone_entry,
    identify_teacher,
    normalize_activations,
)
from pcakd.cards import TRAINED_METRICS, list_trained_metrics
from pcakd.distillation.config import DistillConfig
from pcakd.distillation.context import TrainingContext, teacher_dtype
from pcakd.distillation.data.photos import Photos, own_groups, require_other_folder
from pcakd.distillation.eigenbases import fit_over_processes
from pcakd.distillation.health import only_warn
from pcakd.distillation.parallel import is_writer, wait_for_all
from pcakd.distillation.phases import (
    LOSSES,
    AutoencoderPhase,
    EncoderPhase,
    Phase,
    StylizationPhase,
)
from pcakd.distillation.recipe import OF_LAST_PHASE
from pcakd.distillation.run_files.card import describe_teacher, describe_training, digest_manifest
from pcakd.distillation.run_files.checkpoint import CHECKPOINT, load_checkpoint
from pcakd.distillation.run_files.lock import claim_output
from pcakd.distillation.run_files.session import describe_session
from pcakd.distillation.run_files.shared import EIGENBASES, SESSION, SharedPhases
from pcakd.distillation.schedule import PhaseSchedule
from pcakd.distillation.start import load_start
from pcakd.distillation.trainer import Run, Step, Trainer
from pcakd.eigenbases import (
    Eigenbasis,
    RankRule,
    SpectraFile,
    load_eigenbases,
    load_spectra,
    save_eigenbases,
)
from pcakd.errors import ConfigError, shorten
from pcakd.images.perceptual import METHOD
from pcakd.students import (
    Student,
    create_student,
    describe_student,
    save_student,
)
from pcakd.utils.extras import check_extra
from pcakd.utils.factories import PREFIX
from pcakd.utils.files import write_text
from pcakd.weights.hashing import hash_tensors

_SMOKE_PHOTOS = 64  # of the folder: decoding and hashing thousands takes minutes


def distill(
    config: DistillConfig, *, on_step: Callable[[Step], object] | None = None
) -> tuple[Student, dict[str, Any]]:
    """Distil a student; write it, its card, logs and checkpoints into ``config.output``.

    Under ``torchrun`` each process trains its part of every batch, and the first one writes; call
    it inside `pcakd.distillation.parallel.join_group` there.

    Args:
        config: What to distil, from which photographs, and how.
        on_step: Called after each step in each process; an error that it raises ends the training,
            which resumes from its last checkpoint; under ``torchrun`` all processes must raise it.

    Returns:
        The student, frozen and in evaluation mode on the device of the training, and its card.

    Raises:
        PcakdError: The input cannot be used, the output cannot be written, or the training
            collapsed.
    """
    if not isinstance(config, DistillConfig):
        raise ConfigError(f"expected a pcakd.DistillConfig, got {shorten(config)}")
    check_extra("train", "pcakd.distill")
    for phase in config.settings.phases():
        own_groups(phase.schedule.batch, phase.sampling)  # fails before any work is done
    require_other_folder(config.photo_folder, config.folder)
    with (
        only_warn() if config.smoke else nullcontext(),
        claim_output(config.folder, resume=config.resume) if is_writer() else nullcontext(),
    ):
        return _distill(config, on_step)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    """What a training starts from.

    Attributes:
        config: The configuration.
        device: The device of the training.
        photos: The photographs.
        manifest: SHA-256 of each training photograph by its name.
        teacher: The teacher; normalised later, with the eigenbases.
        perceptual: The backbones of the perceptual losses.
        spectra: Spectra to cut the eigenbases out of; None fits them.
        spectra_hash: SHA-256 of their file.
        start: The student to start from, of low rank if that is wanted.
        start_hash: Hash of the weights of the student to start from, before it had low rank.
    """

    config: DistillConfig
    device: torch.device
    photos: Photos
    manifest: Mapping[str, str]
    teacher: Backbone
    perceptual: tuple[Backbone, ...]
    spectra: SpectraFile | None = None
    spectra_hash: str | None = None
    start: Student | None = None
    start_hash: str | None = None

    @property
    def rank_rule(self) -> RankRule:
        """The rule that chooses the ranks; a student to start from has them."""
        return (
            self.config.rank_rule if self.start is None else RankRule(ranks=self.start.spec.ranks)
        )

    def shared_phases(self) -> SharedPhases | None:
        """Return where the phases before the last one are shared, if they are.

        Code of others has no version here, and a trial of a set-up only warns of a collapse.
        """
        config = self.config
        own_code = not config.backbone.startswith(PREFIX)
        if config.shared is None or self.start is not None or config.smoke or not own_code:
            return None
        settings = {k: v for k, v in self.fingerprint().items() if k not in ("name", "perceptual")}
        recipe = {k: v for k, v in settings["recipe"].items() if k not in OF_LAST_PHASE}
        held_out = [hashlib.sha256(path.read_bytes()).hexdigest() for path in self.photos.held_out]
        session = describe_session(self.device)
        settings |= {"recipe": recipe, "held_out": held_out, SESSION: session}
        return SharedPhases(Path(config.shared), settings)

    def fingerprint(self) -> dict[str, Any]:
        """Return the settings that must be the same when the training resumes."""
        config = self.config
        rule = self.rank_rule
        start: dict[str, Any] = {}
        if self.start is not None:
            start = {"start": self.start_hash, "low_rank": config.low_rank}
        return {
            "backbone": config.backbone,
            "name": config.stem,
            "teacher": identify_teacher(self.teacher) or "seeded",
            "perceptual": "+".join(
                each.card.sha256 if each.card else "seeded" for each in self.perceptual
            ),
            "photos": digest_manifest(self.manifest),
            "recipe": config.settings.to_json(),
            "ranks": list(rule.ranks or ()),
            "mcev": rule.mcev,
            "explained": rule.explained,
            **({} if self.spectra_hash is None else {"bases": self.spectra_hash}),
            **({} if config.architecture is None else {"architecture": config.architecture}),
            **start,
        }


def _distill(
    config: DistillConfig, on_step: Callable[[Step], object] | None
) -> tuple[Student, dict[str, Any]]:
    inputs = _load_inputs(config)
    fingerprint = inputs.fingerprint()
    checkpoint, shared = config.folder / CHECKPOINT, inputs.shared_phases()
    if checkpoint.is_file():  # the run resumes: other settings fail here, before any work
        load_checkpoint(checkpoint, fingerprint=fingerprint)
    elif shared is not None and is_writer():
        shared.adopt(config.folder, fingerprint)
    wait_for_all()
    eigenbases, means = _eigenbases(inputs, fingerprint)
    student = _new_student(inputs, eigenbases)
    trainer = Trainer(
        Run(
            recipe=config.training,
            network=student,
            create_phase=_phase_factory(inputs, student, eigenbases),
            losses=LOSSES,
            draw=lambda seed: create_student(student.spec, seed=seed),
            photos=inputs.photos,
            folder=config.folder,
            fingerprint=fingerprint,
            average={"stylization": config.settings.average},
            **({} if on_step is None else {"on_step": on_step}),
            on_last_phase=None if shared is None else partial(shared.keep, config.folder),
        )
    )
    if trainer.has_checkpoint:
        trainer.resume()
    trainer.train()
    card = _card(inputs, trainer, eigenbases)
    finished = Student(
        student.spec,
        regularizer=student.regularizer,
        colour_transfer=student.colour_transfer,
        eigenbases=[e.basis.cpu() for e in eigenbases],
        channel_means=means,
        card=card,
    )
    finished.load_state_dict(student.state_dict())
    if is_writer():
        save_student(config.student_path, finished)
        pictures = {"method": METHOD, "hashes": inputs.photos.perceptual_hashes()}
        whole = card | {"manifest": inputs.manifest, "pictures": pictures}
        text = json.dumps(whole, indent=2, sort_keys=True)
        write_text(config.student_path.with_suffix(".json"), text + "\n")
    return finished.eval().requires_grad_(False).to(inputs.device), card


def _load_inputs(config: DistillConfig) -> _Inputs:
    recipe, device = config.settings, config.resolve_device()
    spectra = None if config.bases is None else load_spectra(config.bases)
    photos = Photos(
        config.photo_folder,
        held_out=recipe.held_out,
        seed=recipe.seed,
        most=_SMOKE_PHOTOS if config.smoke else None,
    )
    if is_writer() and not (config.folder / CHECKPOINT).is_file():
        photos.check()
    wait_for_all()
    weight_set, path = config.split_weights()
    teacher = create_backbone(config.backbone, weight_set=weight_set, path=path, seed=recipe.seed)
    start, start_hash = None, None
    if config.start is not None:
        start, start_hash = load_start(config, config.start, teacher)
    perceptual = [create_backbone(name, seed=recipe.seed) for name in recipe.perceptual_backbones]
    return _Inputs(
        config=config,
        device=device,
        photos=photos,
        manifest=photos.manifest(),
        teacher=teacher.to(device),
        perceptual=tuple(each.to(device) for each in perceptual),
        spectra=spectra,
        spectra_hash=None if config.bases is None else _hash_file(config.bases),
        start=start,
        start_hash=start_hash,
    )


def _eigenbases(
    inputs: _Inputs, fingerprint: Mapping[str, Any]
) -> tuple[list[Eigenbasis], list[Tensor]]:
    """Fit the eigenbases, or cut them out of spectra, or read those of the run that resumes."""
    config = inputs.config
    path = config.folder / EIGENBASES
    wanted = json.loads(json.dumps(fingerprint))
    normalized = get_backbone_entry(config.backbone).normalized
    if (config.folder / CHECKPOINT).is_file() and path.exists():
        fitted, means, card = load_eigenbases(path)
        if card == wanted:
            if normalized:
                normalize_activations(inputs.teacher, means)
            return _move(fitted, inputs.device), means
    if inputs.spectra is not None:
        fitted, means = _cut_out(inputs, inputs.spectra)
    else:
        known = list(inputs.start.channel_means) if inputs.start else []
        if known:
            normalize_activations(inputs.teacher, known)
        fitted, means = fit_over_processes(
            inputs.teacher,
            inputs.photos,
            rule=inputs.rank_rule,
            images=config.settings.basis_images,
            device=inputs.device,
            normalized=normalized and not known,
        )
        means = known or means
    if inputs.start is not None:  # signs and order of the directions that it learned
        fitted = [
            replace(each, basis=basis.to(each.basis))
            for each, basis in zip(fitted, inputs.start.eigenbases, strict=True)
        ]
    wait_for_all()  # no process reads the file any more when the writer replaces it
    if is_writer():
        save_eigenbases(path, fitted, channel_means=means, card=wanted)
    return _move(fitted, inputs.device), means


def _cut_out(inputs: _Inputs, file: SpectraFile) -> tuple[list[Eigenbasis], list[Tensor]]:
    """Cut the eigenbases out of spectra; the teacher is normalised as it was for them.

    Raises:
        ConfigError: The spectra are of another teacher, or a rank exceeds the channels of its tap.
    """
    rule = inputs.config.rank_rule
    if file.card.get("tensors") != hash_tensors(inputs.teacher.state_dict()):
        raise ConfigError(
            f"{inputs.config.bases} has the spectra of another teacher "
            f"({file.card.get('backbone')}); make them with `pcakd analyze` and the same "
            "--backbone, --weights and --seed"
        )
    if file.channel_means:
        normalize_activations(inputs.teacher, file.channel_means)
    fitted = [
        spectrum.truncate(spectrum.choose_rank(rule, tap=tap))
        for tap, spectrum in enumerate(file.spectra, start=1)
    ]
    return fitted, list(file.channel_means)


def _hash_file(path: str | PathLike[str]) -> str:
    """Return the SHA-256 of a file.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error


def _move(eigenbases: list[Eigenbasis], device: torch.device) -> list[Eigenbasis]:
    return [
        Eigenbasis(
            basis=e.basis.to(device), eigenvalues=e.eigenvalues, mcev=e.mcev, explained=e.explained
        )
        for e in eigenbases
    ]


def _new_student(inputs: _Inputs, eigenbases: list[Eigenbasis]) -> Student:
    recipe = inputs.config.settings
    ranks = [each.rank for each in eigenbases]
    start = inputs.start
    spec = (
        describe_student(inputs.teacher, ranks, blocks=inputs.config.architecture)
        if start is None
        else start.spec
    )
    regularizer = recipe.regularizer_for([float(each.eigenvalues.sum()) for each in eigenbases])
    student = create_student(
        spec,
        seed=recipe.seed,
        regularizer=regularizer,
        colour_transfer=recipe.colour_transfer,
    )
    if start is not None:
        student.load_state_dict(start.state_dict())
    student = student.eval().requires_grad_(False)
    return student.to(inputs.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _phase_factory(
    inputs: _Inputs, student: Student, eigenbases: list[Eigenbasis]
) -> Callable[[PhaseSchedule], Phase]:
    """Return a function that creates the phase of a schedule."""
    dtype, recipe = teacher_dtype(inputs.device), inputs.config.settings
    teacher = inputs.teacher.to(memory_format=torch.channels_last)
    context = TrainingContext(
        student=student,
        teacher=copy.deepcopy(teacher).to(dtype),
        check_teacher=teacher,
        eigenbases=eigenbases,
    )
    perceptual = [
        each.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for each in inputs.perceptual
    ]

    def create(schedule: PhaseSchedule) -> Phase:
        if schedule.name == "encoder":
            return EncoderPhase(context, recipe)
        if schedule.name == "autoencoder":
            return AutoencoderPhase(context, recipe)
        return StylizationPhase(context, recipe, perceptual)

    return create


def _card(inputs: _Inputs, trainer: Trainer, eigenbases: list[Eigenbasis]) -> dict[str, Any]:
    config, manifest = inputs.config, inputs.manifest
    training = describe_training(
        trainer.progress,
        recipe=config.settings.to_json(),
        num_params=trainer.run.network.num_params,
        held_out=len(inputs.photos.held_out),
        manifest=manifest,
    )
    training["photos"]["basis"] = min(config.settings.basis_images, len(manifest))
    if inputs.spectra is not None:
        training["photos"]["basis"] = inputs.spectra.card["photographs"]
    if config.smoke:
        training["smoke"] = True
    if inputs.start is not None:
        training["start"] = {
            "name": inputs.start.card.get("name"),
            "low_rank": config.low_rank,
            "sha256": inputs.start_hash,
        }
    described = [describe_teacher(each) for each in inputs.perceptual]
    return {
        "name": config.name or config.backbone,
        "teacher": describe_teacher(inputs.teacher),
        "perceptual": described[0] if len(described) == 1 else described,
        "licence": "MIT",
        "ranks": [e.rank for e in eigenbases],
        "mcev": [e.mcev for e in eigenbases],
        "explained": [e.explained for e in eigenbases],
        "num_eigenbasis_params": sum(e.basis.numel() for e in eigenbases),
        TRAINED_METRICS: list(list_trained_metrics(training)),
        **training,
    }
