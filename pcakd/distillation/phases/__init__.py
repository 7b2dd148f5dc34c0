"""The three phases of a student's training."""

from pcakd.distillation.phases.autoencoder import AutoencoderPhase
from pcakd.distillation.phases.encoder import EncoderPhase
from pcakd.distillation.phases.interface import Phase
from pcakd.distillation.phases.stylization import OPTIONAL_LOSSES, StylizationPhase

LOSSES = (
    *(f"tap{tap}" for tap in (1, 2, 3, 4)),
    *(f"decoder{block}" for block in (1, 2, 3, 4)),
    *(f"image{tap}" for tap in (1, 2, 3, 4)),
    *("style", "structure", "perceptual", "range", "bounded_style", "edges"),
    *OPTIONAL_LOSSES,
)
"""The loss terms of the three phases: the columns of a student's ``losses.csv``."""

__all__ = [
    "LOSSES",
    "AutoencoderPhase",
    "EncoderPhase",
    "Phase",
    "StylizationPhase",
]
