"""Subjects by their names in commands and benchmark profiles."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from bench.baselines import BASELINES
from bench.peers import zoo
from bench.peers.fetching import find_weights
from bench.peers.registry import PEERS
from bench.peers.storage import file_stem, is_peer_file, load_peer
from bench.plan.factories import find_factory, list_entry_points
from bench.records.loss_histories import find_history
from bench.records.schema import CHOLESKY, Precision
from bench.subjects.factories import create_model_subject
from bench.subjects.filters import add_filter, split_filter
from bench.subjects.interface import DEFAULT_TRANSFORM, NO_TRANSFORM, Subject
from bench.subjects.kinds import (
    INT8,
    create_baseline,
    create_peer,
    create_student_subject,
    create_trained_peer,
)
from bench.subjects.luts import replace_by_lut, split_lut
from pcakd.errors import ConfigError
from pcakd.students import StudentSpec, create_student, list_students, load_student
from pcakd.transforms import TRANSFORMS
from pcakd.utils.registry import unknown_name
from pcakd.zoo import find_file, is_name

FULL_WIDTH: Mapping[str, StudentSpec] = {
    "vgg19-full": StudentSpec(architecture="vgg19", ranks=(64, 128, 256, 512), colour_conv=True),
    "mobilenet_v1-full": StudentSpec(architecture="mobilenet_v1", ranks=(32, 64, 128, 256)),
}
"""Full-width autoencoders, which students compress: seeded weights, cost only."""

_NAME = re.compile(r"(?P<name>.+?)(\+(?P<precision>[a-z0-9]+))?(@(?P<transform>[a-z]+))?")


def list_subjects() -> tuple[str, ...]:
    """List the known names; paths of student and peer files are subjects too."""
    return (
        *list_students(),
        *FULL_WIDTH,
        *PEERS.names(),
        *zoo.list_names(),
        *BASELINES.names(),
    )


def parse_subject(text: str, *, transforms: Sequence[str] = TRANSFORMS) -> Subject:
    """Create a subject from ``NAME[+fp16|+bf16|+int8][@zca|@ot|@adain][>lutN][|FILTER]``.

    Args:
        text: A name of ``list_subjects``, or the path of a ``.safetensors`` file of a student or a
            trained peer; a precision and one transform may follow, and a look-up table
            (`bench.subjects.luts`) and a filter (`bench.subjects.filters`).
            ``python:module:factory`` and names of entry points import code of others
            (`bench.subjects.factories`); call `announce_imports` before.
        transforms: The transforms of a student without one in ``text``; a peer then has ``zca``.

    Raises:
        UnknownNameError: The name, precision, transform or filter is not known.
        ConfigError: A colour transfer has a precision or a transform, or a peer with a transform of
            its own has another one.
        StudentFileError: The file is missing, damaged or neither a student nor a peer.
        WeightsError: The weights of a trained peer, or of its encoder, are not found.
        OutputError: Those weights cannot be kept in the cache.
    """
    unfiltered, filter_name = split_filter(text)
    if filter_name is not None:
        return add_filter(parse_subject(unfiltered, transforms=transforms), filter_name)
    plain, size = split_lut(text)
    if size is not None:
        return replace_by_lut(parse_subject(plain, transforms=transforms), size)
    name, precision, transform = _split(text)
    if name not in list_subjects() and find_factory(name) is not None:
        own = None if transform is None else (transform,)
        return create_model_subject(name, precision, own)
    known = (*TRANSFORMS, CHOLESKY) if name in PEERS.names() else TRANSFORMS
    for each in (transform,) if transform else transforms:
        if each not in known:
            raise unknown_name("transform", each, known)
    if name in BASELINES.names():
        if precision != "fp32" or transform:
            raise ConfigError(f"subject {text!r}: {name} has no precision or transform; drop it")
        return create_baseline(name)
    chosen = (transform,) if transform else tuple(transforms)
    if name in FULL_WIDTH:
        student = create_student(FULL_WIDTH[name]).eval().requires_grad_(False)
        return create_student_subject(name, student, precision, chosen, has_quality=False)
    path = Path(name)
    trained = zoo.is_name(name) or (path.suffix == ".safetensors" and is_peer_file(path))
    if precision == INT8 and (name in PEERS.names() or trained):
        raise ConfigError(f"subject {text!r}: {INT8} is for students; drop +{INT8}")
    if name in PEERS.names():
        return create_peer(name, precision, transform)
    if trained:
        file = find_weights(name) if zoo.is_name(name) else path
        return create_trained_peer(
            file_stem(file), load_peer(file), precision, transform or DEFAULT_TRANSFORM
        )
    if not is_name(name) and path.suffix != ".safetensors":
        raise unknown_name("subject", name, [*list_subjects(), *list_entry_points()])
    stem = path.stem if path.suffix == ".safetensors" else name
    return create_student_subject(
        stem,
        load_student(name),
        precision,
        chosen,
        has_quality=True,
        history=find_history(name),
    )


def drop_precision(text: str) -> str:
    """Return the text of a subject in float32, whose multiply-adds are those of any precision.

    >>> drop_precision("vgg16+int8@zca|guided")
    'vgg16@zca|guided'
    """
    return re.sub(r"\+(fp16|bf16|int8)(?=[@>|]|$)", "", text)


def parse_subjects(
    texts: Sequence[str], *, transforms: Sequence[str] = TRANSFORMS
) -> list[Subject]:
    """Create several subjects, whose names must differ.

    Raises:
        ConfigError: There is no subject or no transform, or a subject twice with one transform.
        PcakdError: See ``parse_subject``.
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


def find_card(text: str) -> Path | None:
    """Return the card (JSON) beside the file of a subject; None for one without.

    Args:
        text: A subject, as for `parse_subject`.
    """
    name, _, _ = _split(split_lut(split_filter(text)[0])[0])
    path = Path(name)
    if zoo.is_name(name):
        card = Path(str(zoo.find_file(name)))
    elif path.suffix != ".safetensors":
        card = Path(str(find_file(name, ".json")))
    else:
        card = path.with_name(f"{file_stem(path)}.json")
    return card if card.is_file() else None


def row_name(subject: str, transform: str) -> str:
    """Return one name for a subject and a transform, for tables without a transform column.

    >>> row_name("vgg16", "zca"), row_name("vgg16", "ot"), row_name("mkl", "none")
    ('vgg16', 'vgg16@ot', 'mkl')
    """
    return (
        subject
        if transform in (DEFAULT_TRANSFORM, NO_TRANSFORM, CHOLESKY)
        else f"{subject}@{transform}"
    )


def _split(text: str) -> tuple[str, Precision, str | None]:
    """Split ``NAME[+precision][@transform]``; a path may contain both signs before its suffix."""
    match = _NAME.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"a subject needs a name, got {text!r}; known: {', '.join(list_subjects())}"
        )
    for known in get_args(Precision):
        if known == (match["precision"] or "fp32"):
            return match["name"], known, match["transform"]
    raise unknown_name("precision", match["precision"], get_args(Precision))
