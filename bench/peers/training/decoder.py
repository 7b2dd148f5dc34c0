"""Training of a decoder that mirrors a frozen encoder, block by block.

Source: Chiu and Gurari, "PhotoWCT²", WACV 2022, section 3.2: decoder block b learns to reconstruct
tap b - 1 from tap b with three losses: on the image, on the features of the tap before, and on the
features of the decoded image, as the encoder sees it. Departures: those of `pcakd.distillation`
(each loss is a share of its target's variance); the decoder starts from ridge regressions and is
trained by natural gradients, without norms.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bench.peers.training.phase import DecoderPhase, MirrorTargets
from bench.peers.training.recipe import LOSSES, DecoderRecipe
from bench.peers.training.reconstruction import ReconstructionLog, ValPhotos
from pcakd.backbones import Backbone
from pcakd.blocks import Autoencoder
from pcakd.distillation.context import TrainingContext, teacher_dtype
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.run_files.card import describe_teacher, describe_training, digest_manifest
from pcakd.distillation.run_files.checkpoint import CHECKPOINT
from pcakd.distillation.run_files.lock import claim_output
from pcakd.distillation.trainer import Run, Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRequest:
    """The network to train, and how.

    Attributes:
        network: The network. Its encoder holds the weights of ``teacher``; its decoder mirrors the
            encoder and is trained in place.
        mirror_targets: Gives the targets of the regressions that the decoder starts from.
        teacher: The encoder as a backbone.
        draw: Creates a network of the same shape from a seed, to restart a collapsed block.
        data: Folder of photographs.
        output: Folder for checkpoints and logs.
        recipe: Schedules of the blocks and loss weights.
        device: Device to train on.
        resume: Whether to continue from the checkpoint in ``output``.
        identity: Entries of the card that identify the network; a run resumes only with the same.
        val: Photographs whose reconstructions are measured.
    """

    network: Autoencoder
    mirror_targets: MirrorTargets
    teacher: Backbone
    draw: Callable[[int], Autoencoder]
    data: Path
    output: Path
    recipe: DecoderRecipe
    device: torch.device
    resume: bool
    identity: Mapping[str, Any]
    val: ValPhotos = field(default_factory=ValPhotos)


def train_decoder(request: DecoderRequest) -> dict[str, Any]:
    """Train the decoder of a network and return its card.

    Raises:
        PcakdError: The input cannot be used, the output cannot be written, or the training
            collapsed.
    """
    with claim_output(request.output, resume=request.resume):
        return _train_decoder(request)


def _train_decoder(request: DecoderRequest) -> dict[str, Any]:
    recipe = request.recipe
    photos = Photos(request.data, held_out=recipe.held_out, seed=recipe.seed)
    if not (request.output / CHECKPOINT).is_file():
        photos.check()
    manifest = photos.manifest()
    network = request.network.to(request.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.eval().requires_grad_(False)
    teacher = request.teacher.to(request.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    fast = copy.deepcopy(teacher).to(teacher_dtype(request.device))
    context = TrainingContext(student=network, teacher=fast, check_teacher=teacher)
    dtype = teacher_dtype(request.device)
    steps = [schedule.steps for schedule in recipe.schedules]
    log = ReconstructionLog(request.val, steps=steps, folder=request.output)
    trainer = Trainer(
        Run(
            recipe=recipe,
            network=network,
            create_phase=lambda schedule: DecoderPhase(
                context, recipe, schedule.block, request.mirror_targets
            ),
            losses=LOSSES,
            draw=request.draw,
            photos=photos,
            folder=request.output,
            fingerprint={
                **request.identity,
                "photos": digest_manifest(manifest),
                "recipe": recipe.to_json(),
                "step_dtype": str(dtype),
                "val": request.val.digest,
            },
            average={},
            on_step=log.note,
        )
    )
    if request.resume and trainer.has_checkpoint:
        trainer.resume()
        log.read()  # damage is found now, not hours later
    else:
        log.clear()
    trainer.train()
    return {
        **request.identity,
        "teacher": describe_teacher(teacher),
        **describe_training(
            trainer.progress,
            recipe=recipe.to_json(),
            num_params=network.num_params,
            held_out=len(photos.held_out),
            manifest=manifest,
            step_dtype=str(dtype).removeprefix("torch."),
        ),
        **({"reconstructions": log.describe(network)} if request.val.paths else {}),
    }
