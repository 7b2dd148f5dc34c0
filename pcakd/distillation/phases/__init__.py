"""The phases that a training is made of."""

from pcakd.distillation.phases.autoencoder import AutoencoderPhase
from pcakd.distillation.phases.encoder import EncoderPhase
from pcakd.distillation.phases.interface import Phase
from pcakd.distillation.phases.stylization import StylizationPhase

__all__ = [
    "AutoencoderPhase",
    "EncoderPhase",
    "Phase",
    "StylizationPhase",
]
