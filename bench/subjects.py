"""What is under test: students, full-width autoencoders, peers and colour transfers."""

import copy
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.baselines import BASELINES, Baseline
from bench.baselines.peers import PEERS
from bench.baselines.storage import TrainedPeer, is_peer_file, load_peer
from bench.schema import Precision
from pcakd.errors import ConfigError
from pcakd.regions import region
from pcakd.registry import unknown_name
from pcakd.students import Student, StudentSpec, create_student, list_students, load_student
from pcakd.stylize import stylize
from pcakd.transforms import TRANSFORMS
from pcakd.weights import hash_tensors

Device: TypeAlias = torch.device | str
M = TypeVar("M", bound=nn.Module)

DEFAULT_TRANSFORM = "zca"
NO_TRANSFORM = "none"
"""The transform of a subject that has no choice of one."""

FULL_WIDTH: Mapping[str, StudentSpec] = {
    "vgg19-full": StudentSpec(architecture="vgg19", ranks=(64, 128, 256, 512), colour_conv=True),
    "mobilenet_v1-full": StudentSpec(architecture="mobilenet_v1", ranks=(32, 64, 128, 256)),
}
"""The full-width autoencoders that the students compress: seeded weights, cost only."""

_NAME = re.compile(r"(?P<name>.+?)(\+(?P<precision>[a-z0-9]+))?(@(?P<transform>[a-z]+))?")
_DTYPES: Mapping[str, torch.dtype] = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A subject on a device, ready to be timed.

    Attributes:
        modules: The networks that it runs; none for a colour transfer.
        run: From content and style, both ``3 × h × w`` RGB in [0, 1], to the stylized image.
    """

    modules: tuple[nn.Module, ...]
    run: Baseline

    def __call__(
        self, content: Float[Tensor, "1 3 h w"], style: Float[Tensor, "1 3 h2 w2"]
    ) -> Float[Tensor, "1 3 h w"]:
        """Stylize.

        Args:
            content: RGB in [0, 1], float32, on the device of the subject.
            style: RGB in [0, 1], float32, on the same device, of any size.

        Returns:
            RGB clipped to [0, 1], float32, of the size of the content.
        """
        return self.run(content[0], style[0])[None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One entrant of the benchmark.

    Attributes:
        name: The name in tables: as given, a student file's stem, and the precision if not fp32.
        transforms: The feature transforms to run it with; ``("none",)`` if it has no choice.
        precision: Arithmetic of the convolutions; statistics and factorisations stay wide.
        has_quality: Whether its pictures mean anything (seeded weights' do not).
        hash: SHA-256 of its weights and shape, or of its name for a colour transfer.
        num_params: Deployed parameters.
        num_eigenbasis_params: Numbers in the eigenbases, which inference does not need.
        build: Makes it on a device for one transform; ``prepare`` is what to call.
        cost_subject: The subject whose cost stands for this one's, which is then not measured.
    """

    name: str
    transforms: tuple[str, ...]
    precision: Precision
    has_quality: bool
    hash: str
    num_params: int
    num_eigenbasis_params: int
    build: Callable[[Device, str], Prepared]
    cost_subject: str | None = None

    @property
    def has_cost(self) -> bool:
        """Whether its cost is measured."""
        return self.cost_subject is None

    def prepare(self, device: Device = "cpu", *, transform: str | None = None) -> Prepared:
        """Put the subject on a device; its first transform unless another is named."""
        return self.build(device, transform or self.transforms[0])


def list_subjects() -> tuple[str, ...]:
    """List the names that ``parse_subject`` knows; files of students and peers are subjects too."""
    return (*list_students(), *FULL_WIDTH, *PEERS.names(), *BASELINES.names())


def parse_subject(text: str, *, transforms: Sequence[str] = TRANSFORMS) -> Subject:
    """Make a subject from ``NAME[+fp16|+bf16][@zca|@ot|@adain]``.

    Args:
        text: A name of ``list_subjects`` or the path of a student's or a trained peer's
            ``.safetensors`` file, with a precision and one transform if wanted.
        transforms: The transforms of a student that names none itself; a peer has ``zca``.

    Raises:
        UnknownNameError: The name, precision or transform is not known.
        ConfigError: A colour transfer with a precision or a transform.
        StudentFileError: The file is missing, damaged or neither a student nor a peer.
    """
    name, precision, transform = _split(text)
    for each in (transform,) if transform else transforms:
        if each not in TRANSFORMS:
            raise unknown_name("transform", each, TRANSFORMS)
    if name in BASELINES.names():
        if precision != "fp32" or transform:
            raise ConfigError(f"subject {text!r}: {name} has no precision or transform; drop it")
        return _baseline(name)
    chosen = (transform,) if transform else tuple(transforms)
    if name in FULL_WIDTH:
        student = create_student(FULL_WIDTH[name]).eval().requires_grad_(False)
        return _student(name, student, precision, chosen, has_quality=False)
    if name in PEERS.names():
        return _peer(name, precision, transform or DEFAULT_TRANSFORM)
    path = Path(name)
    if name not in list_students() and path.suffix != ".safetensors":
        raise unknown_name("subject", name, list_subjects())
    if path.suffix == ".safetensors" and is_peer_file(path):
        return _trained_peer(path.stem, load_peer(path), precision, transform or DEFAULT_TRANSFORM)
    stem = path.stem if path.suffix == ".safetensors" else name
    return _student(stem, load_student(name), precision, chosen, has_quality=True)


def parse_subjects(
    texts: Sequence[str], *, transforms: Sequence[str] = TRANSFORMS
) -> list[Subject]:
    """Make several subjects, whose names must differ.

    Raises:
        ConfigError: No subject or no transform given, or a subject twice with one transform.
        PcakdError: What ``parse_subject`` raises.
    """
    subjects = [parse_subject(text, transforms=transforms) for text in texts]
    if not subjects:
        raise ConfigError(f"no subjects given; known: {', '.join(list_subjects())}")
    if not transforms:
        raise ConfigError(f"no transforms given; known: {', '.join(TRANSFORMS)}")
    seen: set[tuple[str, str]] = set()
    for subject in subjects:
        for transform in subject.transforms:
            if (subject.name, transform) in seen:
                raise ConfigError(f"subject {subject.name!r} is given twice; rename or drop one")
            seen.add((subject.name, transform))
    return subjects


def row_name(subject: str, transform: str) -> str:
    """Name a subject and a transform in one, for rows that have no place for the second.

    >>> row_name("vgg16", "zca"), row_name("vgg16", "ot"), row_name("mkl", "none")
    ('vgg16', 'vgg16@ot', 'mkl')
    """
    return subject if transform in (DEFAULT_TRANSFORM, NO_TRANSFORM) else f"{subject}@{transform}"


def _split(text: str) -> tuple[str, Precision, str | None]:
    """Cut ``NAME[+precision][@transform]``; a path may hold both signs before its suffix."""
    match = _NAME.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"a subject needs a name, got {text!r}; known: {', '.join(list_subjects())}"
        )
    for known in get_args(Precision):
        if known == (match["precision"] or "fp32"):
            return match["name"], known, match["transform"]
    raise unknown_name("precision", match["precision"], get_args(Precision))


def _baseline(name: str) -> Subject:
    transfer = BASELINES.get(name)

    def run(content: Tensor, style: Tensor) -> Tensor:
        with region("transform"):  # all that a colour transfer does, but for regions of its own
            return transfer(content, style)

    return Subject(
        name=name,
        transforms=(NO_TRANSFORM,),
        precision="fp32",
        has_quality=True,
        hash=hashlib.sha256(f"baseline {name}".encode()).hexdigest(),
        num_params=0,
        num_eigenbasis_params=0,
        build=lambda device, transform: Prepared(modules=(), run=run),
    )


def _peer(name: str, precision: Precision, transform: str) -> Subject:
    """Make a peer with the architecture of its paper and seeded weights: cost only."""
    peer = PEERS.get(name)
    network = peer.assemble(peer.create_seeded())
    return Subject(
        name=_full_name(name, precision),
        transforms=(transform,),
        precision=precision,
        has_quality=False,
        hash=hashlib.sha256(f"peer {name} vgg19".encode()).hexdigest(),
        num_params=_num_params(network),
        num_eigenbasis_params=0,
        build=lambda device, chosen: _prepare_peer(name, network, device, chosen, precision),
    )


def _trained_peer(stem: str, peer: TrainedPeer, precision: Precision, transform: str) -> Subject:
    """Make a trained peer; with a VGG-16 encoder its cost is left to its paper's VGG-19."""
    depth = peer.autoencoder.depth
    network = PEERS.get(peer.name).assemble(peer.autoencoder)
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


def _student(
    name: str,
    student: Student,
    precision: Precision,
    transforms: tuple[str, ...],
    *,
    has_quality: bool,
) -> Subject:
    return Subject(
        name=_full_name(name, precision),
        transforms=transforms,
        precision=precision,
        has_quality=has_quality,
        hash=_hash_student(student, weights=has_quality),
        num_params=student.num_params,
        num_eigenbasis_params=student.num_eigenbasis_params,
        build=lambda device, transform: _prepare_student(student, device, transform, precision),
    )


def _hash_student(student: Student, *, weights: bool) -> str:
    """Hash a student; seeded weights are left out, for they do not bear on cost."""
    text = f"student {student.spec!r} {student.regularizer!r}"
    if weights:
        text += f" {hash_tensors(dict(student.state_dict()))}"
    return hashlib.sha256(text.encode()).hexdigest()


def _prepare_student(
    student: Student, device: Device, transform: str, precision: Precision
) -> Prepared:
    network, dtype = _place(student, device, precision)

    def run(content: Tensor, style: Tensor) -> Tensor:
        output = stylize(network, content.to(dtype), style.to(dtype), transform=transform)
        return output.float()

    return Prepared(modules=(network,), run=run)


def _prepare_peer(
    name: str, peer: nn.Module, device: Device, transform: str, precision: Precision
) -> Prepared:
    network, dtype = _place(peer, device, precision)
    run_peer = PEERS.get(name).stylize

    def run(content: Tensor, style: Tensor) -> Tensor:
        return run_peer(network, content.to(dtype), style.to(dtype), transform).float()

    return Prepared(modules=(network,), run=run)


def _place(network: M, device: Device, precision: Precision) -> tuple[M, torch.dtype]:
    """Copy a network to a device and a precision.

    Weights and images are halved, not autocast: ``pcakd.linalg`` widens what it reads, and
    autocast would narrow its products again.
    """
    dtype = _DTYPES[precision]
    return copy.deepcopy(network).to(device=device, dtype=dtype), dtype
