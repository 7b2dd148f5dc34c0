"""The kinds of subjects: colour transfers, peers (seeded or trained) and students."""

import copy
import hashlib
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from bench.baselines import BASELINES, REVISIONS
from bench.peers.registry import PEERS, VGG_PEERS, get_vgg_peer
from bench.peers.storage import TrainedPeer
from bench.records.schema import METRIC_NAMES, MetricName, Precision
from bench.subjects.interface import (
    NO_TRANSFORM,
    Device,
    Prepared,
    Subject,
    Variation,
)
from pcakd.blocks import Autoencoder, run_plain
from pcakd.cards import list_trained_metrics
from pcakd.coarse_to_fine import run_fast
from pcakd.errors import ConfigError
from pcakd.pipeline import stylize
from pcakd.students import Student
from pcakd.utils.extras import check_extra
from pcakd.utils.precision import PRECISIONS
from pcakd.utils.sections import section
from pcakd.weights import hash_tensors

M = TypeVar("M", bound=nn.Module)

INT8: Precision = "int8"
"""The precision of a student whose inner blocks are quantised (`bench.quantization`)."""


def create_baseline(name: str) -> Subject:
    """Create a colour transfer, or the unchanged content."""
    transfer = BASELINES.get(name)
    revision = f" {REVISIONS[name]}" if name in REVISIONS else ""

    def run(content: Tensor, style: Tensor) -> Tensor:
        with section("transform"):  # all that a colour transfer does, but for nested sections
            return transfer(content, style)

    return Subject(
        name=name,
        transforms=(NO_TRANSFORM,),
        precision="fp32",
        has_quality=True,
        hash=hashlib.sha256(f"baseline {name}{revision}".encode()).hexdigest(),
        num_params=0,
        num_eigenbasis_params=0,
        build=lambda device, transform: Prepared(modules=(), run=run),
    )


def create_peer(name: str, precision: Precision, transform: str | None) -> Subject:
    """Create a peer with the architecture of its paper and seeded weights: cost only.

    Raises:
        ConfigError: The peer does not have the transform.
    """
    peer = PEERS.get(name)
    if transform is not None and transform not in peer.transforms:
        raise ConfigError(
            f"subject {name}@{transform}: {name} has the transforms {', '.join(peer.transforms)}"
        )
    network = peer.create_network()
    depth = " vgg19" if name in VGG_PEERS else ""
    return Subject(
        name=_full_name(name, precision),
        transforms=(transform or peer.transforms[0],),
        precision=precision,
        has_quality=False,
        hash=hashlib.sha256(f"peer {name}{depth}".encode()).hexdigest(),
        num_params=_num_params(network),
        num_eigenbasis_params=0,
        build=lambda device, chosen: _prepare_peer(name, network, device, chosen, precision),
    )


def create_trained_peer(
    stem: str, peer: TrainedPeer, precision: Precision, transform: str
) -> Subject:
    """Create a trained peer; one with a VGG-16 encoder takes its cost from the paper's VGG-19."""
    depth = peer.autoencoder.depth
    network = get_vgg_peer(peer.name).assemble(peer.autoencoder)
    text = f"peer {peer.name} {depth} {hash_tensors(dict(network.state_dict()))}"
    return Subject(
        name=_full_name(stem, precision),
        transforms=(transform,),
        precision=precision,
        has_quality=True,
        hash=hashlib.sha256(text.encode()).hexdigest(),
        num_params=_num_params(network),
        num_eigenbasis_params=0,
        build=lambda device, chosen: _prepare_peer(peer.name, network, device, chosen, precision),
        cost_subject=_full_name(peer.name, precision) if depth == "vgg16" else None,
    )


def _num_params(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _full_name(name: str, precision: Precision) -> str:
    return name if precision == "fp32" else f"{name}+{precision}"


def create_student_subject(
    name: str,
    student: Student,
    precision: Precision,
    transforms: tuple[str, ...],
    *,
    has_quality: bool,
    history: Path | None = None,
) -> Subject:
    """Create a student, or a full-width autoencoder of seeded weights (no quality).

    Raises:
        MissingExtraError: It is to run in 8-bit integers, and ONNX Runtime is not installed.
    """
    if precision == INT8:
        check_extra("onnx", f"+{INT8}")

    def vary(device: Device, transform: str, variation: Variation) -> Prepared:
        return _prepare_student(student, device, transform, precision, variation)

    return Subject(
        name=_full_name(name, precision),
        transforms=transforms,
        precision=precision,
        has_quality=has_quality,
        hash=_hash_student(student, weights=has_quality, precision=precision),
        num_params=student.num_params,
        num_eigenbasis_params=student.num_eigenbasis_params,
        build=lambda device, transform: vary(device, transform, Variation()),
        regularizers=tuple(map(student.regularizer_at, (1, 2, 3, 4))) if has_quality else None,
        trained_metrics=_known_metrics(student) if has_quality else (),
        vary=vary if has_quality else None,
        history=history,
    )


def _known_metrics(student: Student) -> tuple[MetricName, ...]:
    trained = list_trained_metrics(student.card)
    return tuple(name for name in METRIC_NAMES if name in trained)


def _hash_student(student: Student, *, weights: bool, precision: Precision) -> str:
    """Hash a student; without seeded weights, which do not change its cost."""
    text = f"student {student.spec!r} {student.regularizer!r}"
    if student.spec.designs:
        text += f" {student.spec.designs!r}"
    if student.colour_transfer:
        text += f" colour transfer {student.colour_transfer!r}"
    if weights:
        text += f" {hash_tensors(dict(student.state_dict()))}"
    if precision == INT8:
        from bench.quantization import VERSION

        text += f" {INT8} {VERSION}"
    return hashlib.sha256(text.encode()).hexdigest()


def _prepare_student(
    student: Student,
    device: Device,
    transform: str,
    precision: Precision,
    variation: Variation,
) -> Prepared:
    network: Autoencoder
    if precision == INT8:
        network, dtype = _quantize(student, device), torch.float32
    else:
        network, dtype = _place(student, device, precision)
    network.regularizer = network.scale_regularizer(variation.regularizer)

    strength = variation.strength

    def run(content: Tensor, style: Tensor) -> Tensor:
        images = content.to(dtype), style.to(dtype)
        return stylize(network, *images, transform=transform, strength=strength).float()

    def run_untiled(content: Tensor, style: Tensor) -> Tensor:
        images = content.to(dtype), style.to(dtype)
        return run_fast(
            network, *images, transform=transform, strength=strength, run_block=run_plain
        ).float()

    return Prepared(modules=(network,), run=run, untiled=run_untiled)


def _prepare_peer(
    name: str, peer: nn.Module, device: Device, transform: str, precision: Precision
) -> Prepared:
    network, dtype = _place(peer, device, precision)
    run_peer = PEERS.get(name).stylize

    def run(content: Tensor, style: Tensor, *, tiled: bool = True) -> Tensor:
        images = content.to(dtype), style.to(dtype)
        return run_peer(network, *images, transform, tiled=tiled).float()

    return Prepared(modules=(network,), run=run, untiled=partial(run, tiled=False))


def _quantize(student: Student, device: Device) -> Autoencoder:
    """Quantise a student on the shipped photographs.

    Raises:
        ConfigError: The device is not the CPU.
        MissingExtraError: ONNX Runtime is not installed.
    """
    from bench.quantization import load_calibration_pairs, quantize_student

    if torch.device(device).type != "cpu":
        raise ConfigError(f"8-bit integers run on the CPU, not on {device}; give --device cpu")
    return quantize_student(student, load_calibration_pairs(), threads=torch.get_num_threads())


def _place(network: M, device: Device, precision: Precision) -> tuple[M, torch.dtype]:
    """Copy a network to a device and a precision.

    Weights and images are converted, without autocast: ``pcakd.linalg`` computes in float32 or
    float64, and autocast would narrow its products.
    """
    dtype = PRECISIONS[precision]
    return copy.deepcopy(network).to(device=device, dtype=dtype), dtype
