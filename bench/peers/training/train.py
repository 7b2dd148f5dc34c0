"""Training of a peer's decoder with a VGG encoder."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from bench.peers.encoder import copy_encoder
from bench.peers.fetching import FILE, describe_file
from bench.peers.registry import VggPeer, get_vgg_peer
from bench.peers.storage import (
    FORMAT_VERSION,
    PACKED,
    EncoderSource,
    TrainedPeer,
    save_decoder,
    save_peer,
)
from bench.peers.training.decoder import DecoderRequest, train_decoder
from bench.peers.training.recipe import DecoderRecipe
from bench.peers.training.reconstruction import ValPhotos, read_val
from bench.peers.vgg import Depth
from pcakd.backbones import Backbone, create_backbone, measure_channel_means, normalize_activations
from pcakd.distillation.data.photos import Photos, require_other_folder
from pcakd.distillation.run_files.lock import claim_output
from pcakd.images.perceptual import METHOD
from pcakd.utils.files import write_text
from pcakd.utils.precision import full_precision

_MEANS_CROP = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRequest:
    """The peer to train, and how.

    Attributes:
        peer: Name of the peer.
        depth: Its encoder, VGG-16 or VGG-19.
        weight_set: The encoder's weight set; None is the default set.
        weights_path: A file with those weights; None is the default place.
        data: Folder of photographs.
        output: Folder for all written files.
        recipe: All other settings.
        device: Device to train on.
        resume: Whether to continue from the checkpoint in ``output``.
        val: Folder of photographs whose reconstructions are measured; None for no measurement.
    """

    peer: str
    depth: Depth
    weight_set: str | None
    weights_path: Path | None
    data: Path
    output: Path
    recipe: DecoderRecipe
    device: torch.device
    resume: bool
    val: Path | None = None


def train_peer(request: PeerRequest) -> Path:
    """Train the decoder of a peer and return the path of its weights, ``PEER-DEPTH.safetensors``.

    Beside it lie its card and, much smaller, ``PEER-DEPTH.packed.safetensors``
    (`bench.peers.storage.save_decoder`), whose hash the card has (`bench.peers.fetching`).

    The encoder is the teacher with the peer's own pooling instead of max-pooling. Its activations
    are scaled to a mean of 1 (Gatys' normalisation), as in the released encoders.

    Raises:
        PcakdError: The input cannot be used, the output cannot be written, or the training
            collapsed.
    """
    peer = get_vgg_peer(request.peer)
    require_other_folder(request.data, request.output)
    with claim_output(request.output, resume=request.resume):
        return _train_peer(request, peer)


def _train_peer(request: PeerRequest, peer: VggPeer) -> Path:
    recipe = request.recipe
    photos = Photos(request.data, held_out=recipe.held_out, seed=recipe.seed)
    val = ValPhotos()
    if request.val is not None:
        val = read_val(request.val, photos, output=request.output)
    teacher = create_backbone(
        request.depth, weight_set=request.weight_set, path=request.weights_path
    )
    _replace_pools(teacher, peer.create_pool)
    means = _normalize(teacher.to(request.device), photos, recipe.basis_images)
    autoencoder = peer.create_seeded(request.depth, seed=recipe.seed)
    copy_encoder(teacher, autoencoder)
    card = train_decoder(
        DecoderRequest(
            network=autoencoder,
            mirror_targets=autoencoder.mirror_targets,
            teacher=teacher,
            draw=lambda seed: peer.create_seeded(request.depth, seed=seed),
            data=request.data,
            output=request.output,
            recipe=recipe,
            device=request.device,
            resume=request.resume,
            val=val,
            identity={
                "name": request.peer,
                "encoder": request.depth,
                "encoder_sha256": teacher.card.sha256 if teacher.card else None,
                "format_version": FORMAT_VERSION,
            },
        )
    )
    path = request.output / f"{request.peer}-{request.depth}.safetensors"
    encoder = teacher.card.licence if teacher.card else "none"
    card |= {"licence": f"decoder: MIT; encoder (the teacher's weights, rescaled): {encoder}"}
    trained = TrainedPeer(name=request.peer, autoencoder=autoencoder.cpu(), card=card)
    save_peer(path, trained)
    if teacher.card is not None:
        source = EncoderSource(
            weight_set=teacher.card.weight_set, sha256=teacher.card.sha256, channel_means=means
        )
        save_decoder(path.with_suffix(PACKED), trained, source)
        card |= {FILE: describe_file(path.with_suffix(PACKED))}
    pictures = {"method": METHOD, "hashes": photos.perceptual_hashes()}
    whole = card | {"manifest": photos.manifest(), "pictures": pictures}
    write_text(path.with_suffix(".json"), json.dumps(whole, indent=2, sort_keys=True) + "\n")
    return path


def _replace_pools(teacher: Backbone, create_pool: Callable[[], nn.Module]) -> None:
    """Replace the teacher's max-pooling by the peer's pooling."""
    for block in teacher.blocks:
        for name, module in list(block.named_children()):
            if isinstance(module, nn.MaxPool2d):
                setattr(block, name, create_pool())


def _normalize(teacher: Backbone, photos: Photos, images: int) -> list[Tensor]:
    """Scale the taps of a teacher to a mean of 1, and return the means that they had."""
    paths = photos.sample(images)
    crops = photos.centre_crops(paths, size=1, crop=_MEANS_CROP)
    device = next(teacher.parameters()).device
    bar = tqdm(crops, total=len(paths), desc="channel means", unit="photo")
    with full_precision():
        means = measure_channel_means(teacher, (crop.to(device) for crop in bar))
    normalize_activations(teacher, [mean.to(device) for mean in means])
    return means
