"""Files of trained peers: safetensors with a JSON header.

A file has the whole autoencoder in float32, or, packed, the decoder in float16 and what makes its
encoder of a teacher's weights: their hash and the means of its taps.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.peers.encoder import ChannelMeans, copy_encoder
from bench.peers.registry import VGG_PEERS, get_vgg_peer
from bench.peers.vgg import DEPTHS, WIDTHS, Depth, VggAutoencoder
from pcakd.backbones import create_backbone, normalize_activations
from pcakd.errors import OutputError, StudentFileError
from pcakd.utils.files import read_safetensors, write_safetensors

FORMAT = "pcakd-peer"
FORMAT_VERSION = 2  # 1: decoders of VGG-16 had one convolution more
PACKED = ".packed.safetensors"
"""What the name of a packed file ends with."""

_HEADER = "pcakd"
_ENCODER = "encoder"
_MEANS = "channel_means"
_DECODER = "decoder."
_TAPS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedPeer:
    """A peer with trained weights.

    Attributes:
        name: Name of the peer.
        autoencoder: Its trained autoencoder.
        card: How the weights were trained.
    """

    name: str
    autoencoder: VggAutoencoder
    card: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSource:
    """What the encoder of a peer is made of.

    Attributes:
        weight_set: Name of the teacher's weight set.
        sha256: Hash of its tensors.
        channel_means: What its taps were divided by.
    """

    weight_set: str
    sha256: str
    channel_means: ChannelMeans


def save_peer(path: Path, peer: TrainedPeer) -> None:
    """Write a trained peer, whole or not at all.

    Raises:
        OutputError: The file cannot be written.
    """
    _write(path, dict(peer.autoencoder.state_dict()), _describe(peer))


def save_decoder(path: Path, peer: TrainedPeer, source: EncoderSource) -> None:
    """Write a packed file, whole or not at all: the decoder in float16, without the encoder.

    Raises:
        OutputError: The file cannot be written, or a weight is too large for float16.
    """
    tensors = {
        name: tensor.half()
        for name, tensor in peer.autoencoder.state_dict().items()
        if name.startswith(_DECODER)
    }
    if any(not bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise OutputError(f"{path}: a weight is too large for float16; use the whole file")
    for tap, means in zip(_TAPS, source.channel_means, strict=True):
        tensors[f"{_MEANS}.{tap}"] = means.float()
    encoder = {"weight_set": source.weight_set, "sha256": source.sha256}
    _write(path, tensors, _describe(peer) | {_ENCODER: encoder})


def _describe(peer: TrainedPeer) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "peer": peer.name,
        "depth": peer.autoencoder.depth,
        "card": dict(peer.card),
    }


def _write(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    write_safetensors(path, dict(tensors), {_HEADER: json.dumps(header, sort_keys=True)})


def file_stem(path: Path) -> str:
    """Return the name of a weights file without its suffix; a packed one has that of its whole one.

    >>> file_stem(Path("runs/photowct-vgg16.packed.safetensors"))
    'photowct-vgg16'
    """
    return path.name.removesuffix(PACKED).removesuffix(path.suffix)


def is_peer_file(path: Path) -> bool:
    """Tell whether a file is a trained peer by its header; False if it cannot be read."""
    try:
        _, metadata = read_safetensors(path, error=StudentFileError)
    except StudentFileError:
        return False
    return FORMAT in metadata.get(_HEADER, "")


def is_packed_file(path: Path) -> bool:
    """Tell whether the file of a trained peer has its decoder alone.

    Raises:
        StudentFileError: The file is missing, damaged or not a trained peer.
    """
    _, metadata = read_safetensors(path, error=StudentFileError)
    try:
        return _ENCODER in json.loads(metadata[_HEADER])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise StudentFileError(f"{path} is no trained peer; use another file") from error


def load_peer(path: Path) -> TrainedPeer:
    """Load a trained peer; a packed one needs the weights of its teacher.

    Raises:
        StudentFileError: The file is missing, damaged or not a trained peer, or its encoder is made
            of other weights than those that are found.
        WeightsError: The teacher's weights are not found or are damaged.
    """
    tensors, metadata = read_safetensors(path, error=StudentFileError)
    try:
        header = json.loads(metadata[_HEADER])
        name, depth, card = header["peer"], header["depth"], header["card"]
        encoder = header.get(_ENCODER)
        known = header["format"] == FORMAT and header["version"] == FORMAT_VERSION
        known = known and name in VGG_PEERS and depth in DEPTHS and isinstance(card, dict)
        known = known and (encoder is None or encoder.keys() == {"weight_set", "sha256"})
        known = known and all(isinstance(each, str) for each in (encoder or {}).values())
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        known = False
    if not known:
        raise StudentFileError(f"{path} is no trained peer of this release; use another file")
    chosen: Depth = depth
    autoencoder = get_vgg_peer(name).create_seeded(chosen)
    if encoder is not None:
        means = [tensors.pop(f"{_MEANS}.{tap}", None) for tap in _TAPS]
        _make_encoder(path, autoencoder, encoder, means)
        if foreign := [key for key in tensors if not key.startswith(_DECODER)]:
            raise StudentFileError(
                f"{path}: tensor {min(foreign)!r} should be absent; the file is damaged"
            )
        own = autoencoder.state_dict()
        own = {key: t for key, t in own.items() if not key.startswith(_DECODER)}
        tensors = {key: t.float() for key, t in tensors.items()} | own
    expected = {key: tuple(t.shape) for key, t in autoencoder.state_dict().items()}
    found = {key: tuple(t.shape) for key, t in tensors.items()}
    for key in sorted(expected.keys() | found.keys()):
        if expected.get(key) != found.get(key):
            raise StudentFileError(
                f"{path}: tensor {key!r} should be {expected.get(key, 'absent')}, "
                f"is {found.get(key, 'absent')}; the file is damaged"
            )
    autoencoder.load_state_dict(tensors)
    return TrainedPeer(name=name, autoencoder=autoencoder, card=card)


def _make_encoder(
    path: Path,
    autoencoder: VggAutoencoder,
    encoder: Mapping[str, str],
    means: Sequence[Tensor | None],
) -> None:
    """Make the encoder of a packed file of its teacher's weights."""
    teacher = create_backbone(autoencoder.depth, weight_set=encoder["weight_set"])
    if teacher.card is None or teacher.card.sha256 != encoder["sha256"]:
        raise StudentFileError(
            f"{path}: its encoder has other weights of {autoencoder.depth} than those found; put "
            f"those of the hash {encoder['sha256'][:12]} into the folder that PCAKD_WEIGHTS names"
        )
    for tap, (mean, width) in enumerate(zip(means, WIDTHS, strict=True), start=1):
        if mean is None or tuple(mean.shape) != (width,):
            raise StudentFileError(f"{path}: the means of tap {tap} are wrong; the file is damaged")
    normalize_activations(teacher, [mean for mean in means if mean is not None])
    copy_encoder(teacher, autoencoder)
