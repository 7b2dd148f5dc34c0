"""What all phases of a training work with: networks, teacher, and images on their way through."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pcakd.backbones import Backbone
from pcakd.blocks import Autoencoder, Source
from pcakd.distill.losses import subspace_error
from pcakd.eigenbases import Eigenbasis


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every phase works with.

    Attributes:
        student: Being trained; blocks before the current one are finished.
        teacher: The (normalised) backbone, in the precision that suits the device: it sets the
            coefficients to learn, and compares pictures.
        eigenbases: One a tap, on the device; none where only decoders are trained.
        tap_offset: Start of the batch norm before a tap's ReLU, in standard deviations.
        mirrors: Whether decoders start from regressions on the encoder's maps.
    """

    student: Autoencoder
    teacher: Backbone
    eigenbases: Sequence[Eigenbasis]
    tap_offset: float
    mirrors: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What an encoder makes of images, up to the block in training.

    Attributes:
        image: The images.
        target: What decoder block b is to lead back to: the tap before, or the image.
        features: At tap b.
        sources: What decoder blocks 1 to b take from the encoder.
    """

    image: Tensor
    target: Tensor
    features: Tensor
    sources: Sequence[Source]


def encode(setting: Setting, block: int, image: Tensor) -> Encoded:
    """Encode images up to block 1 to 4; only that block has gradients."""
    with torch.no_grad():
        taps, sources = setting.student.encode_with_sources(image, last_block=block - 1)
    target = taps[-1] if taps else image
    features, source = setting.student.encode_block(block, target)
    return Encoded(image=image, target=target, features=features, sources=[*sources, source])


def subspace_share(setting: Setting, block: int, features: Tensor, teacher: Tensor) -> Tensor:
    """Return loss (a) as a share of the teacher's variance at the tap.

    What the eigenbasis leaves out is added as a constant, so that 1 minus the loss is the R².
    """
    basis = setting.eigenbases[block - 1]
    total = float(basis.eigenvalues.sum())
    beyond = float(basis.eigenvalues[basis.rank :].sum())
    return (subspace_error(features, teacher, basis.basis) + beyond) / total


def teacher_dtype(device: torch.device) -> torch.dtype:
    """Return the precision of the frozen teacher in training: bfloat16 where a device gains by it.

    The student stays in float32: it is a tenth of the work.
    """
    if device.type == "cuda":
        return (
            torch.bfloat16
            if torch.cuda.is_bf16_supported(including_emulation=False)
            else torch.float32
        )
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return torch.bfloat16 if device.type == "cpu" and native() else torch.float32
