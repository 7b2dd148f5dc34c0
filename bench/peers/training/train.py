"""Training of a peer's decoder with a VGG encoder."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from bench.peers.registry import VggPeer, get_vgg_peer
from bench.peers.storage import TrainedPeer, save_peer
from bench.peers.training.decoder import DecoderRequest, train_decoder
from bench.peers.training.recipe import DecoderRecipe
from bench.peers.vgg import Depth, VggAutoencoder
from pcakd.backbones import Backbone, create_backbone, measure_channel_means, normalize_activations
from pcakd.backbones.interface import PaddedConv
from pcakd.backbones.vgg import IMAGENET_MEAN, IMAGENET_STD
from pcakd.distillation.data.photos import Photos, require_other_folder
from pcakd.distillation.run_files.lock import claim_output
from pcakd.images.folders import list_images
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

    The encoder is the teacher with the peer's own pooling instead of max-pooling. Its activations
    are scaled to a mean of 1 (Gatys' normalisation), as in the released encoders.

    Raises:
        PcakdError: The input cannot be used, the output cannot be written, or the training
            collapsed.
    """
    peer = get_vgg_peer(request.peer)
    require_other_folder(request.data, request.output)
    if request.val is not None:
        list_images(request.val)  # before the teacher is loaded and the folder is made
    with claim_output(request.output, resume=request.resume):
        return _train_peer(request, peer)


def _train_peer(request: PeerRequest, peer: VggPeer) -> Path:
    recipe = request.recipe
    photos = Photos(request.data, held_out=recipe.held_out, seed=recipe.seed)
    teacher = create_backbone(
        request.depth, weight_set=request.weight_set, path=request.weights_path
    )
    _replace_pools(teacher, peer.create_pool)
    _normalize(teacher.to(request.device), photos, recipe.basis_images)
    autoencoder = peer.create_seeded(request.depth, seed=recipe.seed)
    _copy_encoder(teacher, autoencoder)
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
            val=[] if request.val is None else list_images(request.val),
            identity={
                "name": request.peer,
                "encoder": request.depth,
                "encoder_sha256": teacher.card.sha256 if teacher.card else None,
            },
        )
    )
    path = request.output / f"{request.peer}-{request.depth}.safetensors"
    encoder = teacher.card.licence if teacher.card else "none"
    card |= {"licence": f"decoder: MIT; encoder (the teacher's weights, rescaled): {encoder}"}
    save_peer(path, TrainedPeer(name=request.peer, autoencoder=autoencoder.cpu(), card=card))
    write_text(path.with_suffix(".json"), json.dumps(card, indent=2, sort_keys=True) + "\n")
    return path


def _replace_pools(teacher: Backbone, create_pool: Callable[[], nn.Module]) -> None:
    """Replace the teacher's max-pooling by the peer's pooling."""
    for block in teacher.blocks:
        for name, module in list(block.named_children()):
            if isinstance(module, nn.MaxPool2d):
                setattr(block, name, create_pool())


def _normalize(teacher: Backbone, photos: Photos, images: int) -> None:
    paths = photos.sample(images)
    crops = photos.centre_crops(paths, size=1, crop=_MEANS_CROP)
    device = next(teacher.parameters()).device
    bar = tqdm(crops, total=len(paths), desc="channel means", unit="photo")
    with full_precision():
        means = measure_channel_means(teacher, (crop.to(device) for crop in bar))
    normalize_activations(teacher, [mean.to(device) for mean in means])


@torch.no_grad()
def _copy_encoder(teacher: Backbone, autoencoder: VggAutoencoder) -> None:
    """Copy the weights of a VGG into an autoencoder's encoder; ``conv0`` pre-processes."""
    own = [layer.conv for block in (1, 2, 3, 4) for layer in autoencoder.encoder_layers(block)]
    scale = 1.0 / torch.tensor(IMAGENET_STD)
    own[0].weight.copy_(torch.diag(scale)[..., None, None])
    _set_bias(own[0], -torch.tensor(IMAGENET_MEAN) * scale)
    convs: Sequence[PaddedConv] = [m for m in teacher.modules() if isinstance(m, PaddedConv)]
    for target, source in zip(own[1:], convs, strict=True):
        target.weight.copy_(source.weight)
        _set_bias(target, source.bias)


def _set_bias(conv: nn.Conv2d, value: Tensor) -> None:
    assert conv.bias is not None  # noqa: S101 (built with one)
    conv.bias.copy_(value)
