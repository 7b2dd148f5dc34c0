"""The architecture of a trial's student, known from its options and ranks."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pcakd.backbones import create_backbone
from pcakd.distillation.config import DistillConfig
from pcakd.students import (
    StudentSpec,
    create_student,
    describe_student,
    load_student,
    save_student,
)


def find_architecture(config: DistillConfig, ranks: Sequence[int]) -> StudentSpec:
    """Return the architecture of a student.

    Args:
        config: What is distilled.
        ranks: Its ranks; those of a student to start from count instead.

    Raises:
        PcakdError: The student to start from, or the teacher, cannot be read.
    """
    if config.start is not None:
        spec = load_student(config.start).spec
        return replace(spec, low_rank=config.low_rank or spec.low_rank)
    weight_set, path = config.split_weights()
    teacher = create_backbone(config.backbone, weight_set=weight_set, path=path, seed=0)
    return describe_student(teacher, list(ranks), blocks=config.architecture)


def write_seeded(config: DistillConfig, ranks: Sequence[int], path: Path) -> None:
    """Write a student of a trial's architecture with seeded weights, which costs the same.

    Raises:
        PcakdError: The architecture cannot be found, or the file cannot be written.
    """
    student = create_student(
        find_architecture(config, ranks), colour_transfer=config.settings.colour_transfer
    )
    save_student(path, student.eval().requires_grad_(False))
