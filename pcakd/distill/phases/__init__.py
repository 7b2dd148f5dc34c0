"""The phases that a training is made of."""

from pcakd.distill.phases.decoders import DecodersPhase
from pcakd.distill.phases.encoder import EncoderPhase
from pcakd.distill.phases.interface import Phase
from pcakd.distill.phases.mirror import DecoderPhase
from pcakd.distill.phases.stylization import StylizationPhase

__all__ = [
    "DecoderPhase",
    "DecodersPhase",
    "EncoderPhase",
    "Phase",
    "StylizationPhase",
]
