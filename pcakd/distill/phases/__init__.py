"""The phases that a training is made of."""

from pcakd.distill.phases.autoencoder import AutoencoderPhase
from pcakd.distill.phases.encoder import EncoderPhase
from pcakd.distill.phases.interface import Phase
from pcakd.distill.phases.mirror import DecoderPhase
from pcakd.distill.phases.stylization import StylizationPhase

__all__ = [
    "AutoencoderPhase",
    "DecoderPhase",
    "EncoderPhase",
    "Phase",
    "StylizationPhase",
]
