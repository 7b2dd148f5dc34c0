"""What all phases of a training work with: networks, teacher, and images on their way through."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from pcakd.backbones import Backbone
from pcakd.blocks import Autoencoder, Source
from pcakd.distillation.losses.features import subspace_error
from pcakd.eigenbases import Eigenbasis

TAPS: Final = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every phase works with.

    Attributes:
        student: Being trained.
        teacher: The (normalised) backbone, in the precision that suits the device: it sets the
            coefficients to learn, and compares pictures.
        check_teacher: The same in full precision, for R².
        eigenbases: One a tap, on the device; none where only decoders are trained.
    """

    student: Autoencoder
    teacher: Backbone
    check_teacher: Backbone
    eigenbases: Sequence[Eigenbasis] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What an encoder makes of images, up to the block in training.

    Attributes:
        target: What decoder block b is to lead back to: the tap before, or the image.
        features: At tap b.
        sources: What decoder blocks 1 to b take from the encoder.
    """

    target: Tensor
    features: Tensor
    sources: Sequence[Source]


def encode(setting: Setting, block: int, image: Tensor) -> Encoded:
    """Encode images up to block 1 to 4, without gradients."""
    with torch.no_grad():
        taps, sources = setting.student.encode_with_sources(image, last_block=block)
    target = taps[-2] if block > 1 else image
    return Encoded(target=target, features=taps[-1], sources=sources)


def subspace_share(eigenbasis: Eigenbasis, features: Tensor, teacher: Tensor) -> Tensor:
    """Return loss (a) as a share of the teacher's variance at the tap.

    What the eigenbasis leaves out is added as a constant, so that 1 minus the loss is the R².
    """
    total = float(eigenbasis.eigenvalues.sum())
    beyond = float(eigenbasis.eigenvalues[eigenbasis.rank :].sum())
    return (subspace_error(features, teacher, eigenbasis.basis) + beyond) / total


def tap_shares(setting: Setting, taps: Sequence[Tensor], teacher: Sequence[Tensor]) -> list[Tensor]:
    """Return loss (a) of all taps as shares of the teacher's variances."""
    return [
        subspace_share(eigenbasis, tap, features)
        for eigenbasis, tap, features in zip(setting.eigenbases, taps, teacher, strict=True)
    ]


def decode_to_image(student: Autoencoder, features: Tensor, sources: Sequence[Source]) -> Tensor:
    """Decode what is at a tap to the image, without a transform.

    Args:
        student: Whose decoder.
        features: At the tap that ``sources`` end at; the image, if there are none.
        sources: What the decoder blocks on the way take from the encoder.
    """
    for block in range(len(sources), 0, -1):
        features = student.decode_block(block, features, sources[block - 1])
    return features


def name_taps(shares: Sequence[Tensor]) -> dict[str, Tensor]:
    """Name the losses of taps 1 to 4."""
    return {f"tap{tap}": share for tap, share in zip(TAPS, shares, strict=True)}


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
