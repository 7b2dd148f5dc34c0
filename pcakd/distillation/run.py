"""A whole distillation: teacher, eigenbases, training, and the student with its card."""

import copy
import json
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch

from pcakd.cards import TRAINED_METRICS, list_trained_metrics
from pcakd.distillation.config import DistillConfig
from pcakd.distillation.context import TrainingContext, teacher_dtype
from pcakd.distillation.data.photos import own_groups, require_other_folder
from pcakd.distillation.eigenbases import provide_eigenbases
from pcakd.distillation.health import only_warn
from pcakd.distillation.inputs import Inputs, load_inputs
from pcakd.distillation.parallel import is_writer, wait_for_all
from pcakd.distillation.phases import (
    LOSSES,
    AutoencoderPhase,
    EncoderPhase,
    Phase,
    StylizationPhase,
)
from pcakd.distillation.run_files.card import describe_teacher, describe_training
from pcakd.distillation.run_files.checkpoint import CHECKPOINT, load_checkpoint
from pcakd.distillation.run_files.lock import claim_output
from pcakd.distillation.schedule import PhaseSchedule
from pcakd.distillation.trainer import Run, Step, Trainer
from pcakd.eigenbases import Eigenbasis
from pcakd.errors import ConfigError, shorten
from pcakd.images.perceptual import METHOD
from pcakd.students import Student, create_student, describe_student, save_student
from pcakd.utils.extras import check_extra
from pcakd.utils.files import write_text


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


def _distill(
    config: DistillConfig, on_step: Callable[[Step], object] | None
) -> tuple[Student, dict[str, Any]]:
    inputs = load_inputs(config)
    fingerprint = inputs.fingerprint()
    checkpoint, shared = config.folder / CHECKPOINT, inputs.shared_phases()
    if checkpoint.is_file():  # the run resumes: other settings fail here, before any work
        load_checkpoint(checkpoint, fingerprint=fingerprint)
    elif shared is not None and is_writer():
        shared.adopt(config.folder, fingerprint)
    wait_for_all()
    eigenbases, means = provide_eigenbases(inputs, fingerprint)
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


def _new_student(inputs: Inputs, eigenbases: list[Eigenbasis]) -> Student:
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
    inputs: Inputs, student: Student, eigenbases: list[Eigenbasis]
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


def _card(inputs: Inputs, trainer: Trainer, eigenbases: list[Eigenbasis]) -> dict[str, Any]:
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
