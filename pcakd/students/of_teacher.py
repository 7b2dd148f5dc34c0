"""The architecture of a teacher's student."""

from collections.abc import Sequence

from pcakd.backbones import Backbone, describe_blocks
from pcakd.students.spec import ARCHITECTURES, StudentSpec


def describe_student(teacher: Backbone, ranks: Sequence[int]) -> StudentSpec:
    """Return the paper's architecture for its backbones, otherwise blocks like the teacher's.

    Args:
        teacher: The teacher.
        ranks: Channels of the student's four taps.

    Raises:
        ConfigError: The ranks are not four positive integers.
    """
    for architecture in ARCHITECTURES:
        if architecture == teacher.name:
            return StudentSpec(architecture=architecture, ranks=tuple(ranks))  # type: ignore[arg-type]
    return StudentSpec(
        architecture="designed",
        ranks=tuple(ranks),  # type: ignore[arg-type]
        designs=describe_blocks(teacher),
    )
