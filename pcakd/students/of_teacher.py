"""The architecture of a teacher's student."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal, get_args

from pcakd.backbones import Backbone, describe_blocks
from pcakd.blocks import BlockDesign
from pcakd.students.spec import ARCHITECTURES, StudentSpec
from pcakd.utils.registry import unknown_name

BlockType = Literal["conv", "separable"]
BLOCK_TYPES: tuple[BlockType, ...] = get_args(BlockType)
"""What ``--architecture`` takes: ``conv`` has full 3 × 3 convolutions, one in block 1 and two in
every other block; ``separable`` has depthwise and pointwise ones in encoder and decoder."""


def describe_student(
    teacher: Backbone, ranks: Sequence[int], *, blocks: BlockType | None = None
) -> StudentSpec:
    """Return the architecture of a student: blocks of a type, or those that fit its teacher.

    Without a type it is the paper's architecture for its backbones, otherwise blocks like the
    teacher's.

    Args:
        teacher: The teacher.
        ranks: Channels of the student's four taps.
        blocks: The type of all blocks, with the teacher's strides.

    Raises:
        ConfigError: The ranks are not four positive integers.
        UnknownNameError: There is no such type.
    """
    if blocks is not None:
        designs = _design(teacher, blocks)
        return StudentSpec(architecture="designed", ranks=tuple(ranks), designs=designs)  # type: ignore[arg-type]
    for architecture in ARCHITECTURES:
        if architecture == teacher.name:
            return StudentSpec(architecture=architecture, ranks=tuple(ranks))  # type: ignore[arg-type]
    return StudentSpec(
        architecture="designed",
        ranks=tuple(ranks),  # type: ignore[arg-type]
        designs=describe_blocks(teacher),
    )


def _design(teacher: Backbone, blocks: BlockType) -> tuple[BlockDesign, ...]:
    """Return designs of one type with the strides and the linear taps of a teacher."""
    if blocks not in BLOCK_TYPES:
        raise unknown_name("architecture", blocks, BLOCK_TYPES)
    steps = [after // before for before, after in pairwise((1, *teacher.strides))]
    linear = [design.linear for design in describe_blocks(teacher)]
    plain = BlockDesign(kind=blocks, stride=1, decoder=blocks)
    return tuple(
        replace(plain, stride=stride, linear=is_linear)
        for stride, is_linear in zip(steps, linear, strict=True)
    )


def find_block_type(spec: StudentSpec) -> BlockType | None:
    """Return the type that all blocks of a student have; None if it has no one type.

    Blocks like a teacher's are of no type here, unless they are what a type gives.
    """
    for blocks in BLOCK_TYPES:
        plain = [BlockDesign(kind=blocks, stride=1, decoder=blocks)] * len(spec.designs)
        own = [replace(design, stride=1, linear=False) for design in spec.designs]
        if own and own == plain:
            return blocks
    return None
