"""Files of trained peers: safetensors with a JSON header."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.peers.registry import VGG_PEERS, get_vgg_peer
from bench.peers.vgg import DEPTHS, Depth, VggAutoencoder
from pcakd.errors import StudentFileError
from pcakd.utils.files import read_safetensors, write_safetensors

FORMAT = "pcakd-peer"
FORMAT_VERSION = 2  # 1: decoders of VGG-16 had one convolution more
_HEADER = "pcakd"


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


def save_peer(path: Path, peer: TrainedPeer) -> None:
    """Write a trained peer, whole or not at all.

    Raises:
        OutputError: The file cannot be written.
    """
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "peer": peer.name,
        "depth": peer.autoencoder.depth,
        "card": dict(peer.card),
    }
    tensors = dict(peer.autoencoder.state_dict())
    write_safetensors(path, tensors, {_HEADER: json.dumps(header, sort_keys=True)})


def is_peer_file(path: Path) -> bool:
    """Tell whether a file is a trained peer by its header; False if it cannot be read."""
    try:
        _, metadata = read_safetensors(path, error=StudentFileError)
    except StudentFileError:
        return False
    return FORMAT in metadata.get(_HEADER, "")


def load_peer(path: Path) -> TrainedPeer:
    """Load a trained peer.

    Raises:
        StudentFileError: The file is missing, damaged or not a trained peer.
    """
    tensors, metadata = read_safetensors(path, error=StudentFileError)
    try:
        header = json.loads(metadata[_HEADER])
        name, depth, card = header["peer"], header["depth"], header["card"]
        known = header["format"] == FORMAT and header["version"] == FORMAT_VERSION
        known = known and name in VGG_PEERS and depth in DEPTHS and isinstance(card, dict)
    except (KeyError, TypeError, ValueError, RecursionError):
        known = False
    if not known:
        raise StudentFileError(f"{path} is no trained peer of this release; use another file")
    chosen: Depth = depth
    autoencoder = get_vgg_peer(name).create_seeded(chosen)
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
