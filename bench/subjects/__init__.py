"""What is under test: students, full-width autoencoders, peers and colour transfers."""

from bench.subjects.interface import (
    DEFAULT_TRANSFORM,
    NO_TRANSFORM,
    Device,
    Prepared,
    Subject,
    Variation,
)
from bench.subjects.parse import (
    FULL_WIDTH,
    drop_precision,
    find_card,
    list_subjects,
    parse_subject,
    parse_subjects,
    row_name,
)

__all__ = [
    "DEFAULT_TRANSFORM",
    "FULL_WIDTH",
    "NO_TRANSFORM",
    "Device",
    "Prepared",
    "Subject",
    "Variation",
    "drop_precision",
    "find_card",
    "list_subjects",
    "parse_subject",
    "parse_subjects",
    "row_name",
]
