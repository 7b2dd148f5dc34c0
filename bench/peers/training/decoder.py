"""Training the decoder that mirrors an encoder, which stays as it is, block by block.

Source: Chiu and Gurari, "PhotoWCT²", WACV 2022, section 3.2: decoder block b learns to lead from
tap b back to tap b - 1 on three losses: the image, the features of the tap before, and the features
that the encoder sees in the decoded image. Departures: those of `pcakd.distillation` (each loss is
a share of its target's variance); the decoder starts from ridge regressions and goes on by natural
gradients, without norms.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bench.peers.training.phase import DecoderPhase
from pcakd.backbones import Backbone
from pcakd.blocks import Autoencoder
from pcakd.distillation.context import Setting, teacher_dtype
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.recipe import DecoderRecipe
from pcakd.distillation.run_files.card import describe_teacher, describe_training, digest_manifest
from pcakd.distillation.run_files.checkpoint import CHECKPOINT
from pcakd.distillation.run_files.lock import claim_output
from pcakd.distillation.trainer import Run, Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRequest:
    """What is to be trained.

    Attributes:
        network: Its encoder holds the weights of ``teacher``; its decoder, which mirrors it
            (`Autoencoder.mirror_targets`), is trained in place.
        teacher: The encoder as a backbone, which compares pictures.
        draw: Makes a network of the same shape from a seed, should a block have to be restarted.
        data: Folder of photographs.
        output: Folder for checkpoints and logs.
        recipe: Schedules of the blocks and weights of the losses.
        device: Where to compute.
        resume: Go on from the checkpoint in ``output``.
        identity: What says which network this is; a run is resumed only with the same.
    """

    network: Autoencoder
    teacher: Backbone
    draw: Callable[[int], Autoencoder]
    data: Path
    output: Path
    recipe: DecoderRecipe
    device: torch.device
    resume: bool
    identity: Mapping[str, Any]


def train_decoder(request: DecoderRequest) -> dict[str, Any]:
    """Train the decoder of a network and return its card.

    Raises:
        PcakdError: Bad input, an output that cannot be written, or a run that cannot recover.
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
    setting = Setting(student=network, teacher=fast, check_teacher=teacher)
    trainer = Trainer(
        Run(
            recipe=recipe,
            network=network,
            create_phase=lambda leg: DecoderPhase(setting, recipe, leg.block),
            draw=request.draw,
            photos=photos,
            folder=request.output,
            fingerprint={
                **request.identity,
                "photos": digest_manifest(manifest),
                "recipe": recipe.to_json(),
                "step_dtype": str(teacher_dtype(request.device)),
            },
            average={},
        )
    )
    if request.resume and trainer.has_checkpoint:
        trainer.resume()
    trainer.train()
    return {
        **request.identity,
        "teacher": describe_teacher(teacher),
        **describe_training(trainer, manifest),
    }
