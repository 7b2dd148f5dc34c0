"""What all phases of a training share: networks, eigenbases, and losses at the taps."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pcakd.backbones import Backbone
from pcakd.blocks import Autoencoder, Source
from pcakd.coarse_to_fine import TAPS
from pcakd.distillation.losses.features import subspace_error
from pcakd.eigenbases import Eigenbasis


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingContext:
    """The networks of a training.

    Attributes:
        student: The network in training.
        teacher: The backbone, normalised if it is a VGG, in the precision of :func:`teacher_dtype`.
            It gives the target features.
        check_teacher: The same backbone in float32, for R².
        eigenbases: The eigenbases of taps 1 to 4, on the device; empty if no phase needs them.
    """

    student: Autoencoder
    teacher: Backbone
    check_teacher: Backbone
    eigenbases: Sequence[Eigenbasis] = ()


def subspace_share(eigenbasis: Eigenbasis, features: Tensor, teacher: Tensor) -> Tensor:
    """Return loss (a) as a share of the teacher's variance at the tap.

    The variance outside the eigenbasis is added as a constant, so that 1 - loss is the R².
    """
    total = float(eigenbasis.eigenvalues.sum())
    beyond = float(eigenbasis.eigenvalues[eigenbasis.rank :].sum())
    return (subspace_error(features, teacher, eigenbasis.basis) + beyond) / total


def tap_shares(
    context: TrainingContext, taps: Sequence[Tensor], teacher: Sequence[Tensor]
) -> list[Tensor]:
    """Return loss (a) at each tap as a share of the teacher's variance.

    Args:
        context: Holds the eigenbases.
        taps: The student's features.
        teacher: The teacher's features.
    """
    return [
        subspace_share(eigenbasis, tap, features)
        for eigenbasis, tap, features in zip(context.eigenbases, taps, teacher, strict=True)
    ]


def decode_to_image(student: Autoencoder, features: Tensor, sources: Sequence[Source]) -> Tensor:
    """Reconstruct an image from the features at a tap.

    Args:
        student: The autoencoder.
        features: Features at tap ``len(sources)``; the image itself if there are no sources.
        sources: What decoder blocks 1 to that tap take from the encoder.
    """
    for block in range(len(sources), 0, -1):
        features = student.decode_block(block, features, sources[block - 1])
    return features


def name_taps(shares: Sequence[Tensor]) -> dict[str, Tensor]:
    """Name the losses of taps 1 to 4: ``tap1`` to ``tap4``."""
    return {f"tap{tap}": share for tap, share in zip(TAPS, shares, strict=True)}


def teacher_dtype(device: torch.device) -> torch.dtype:
    """Return the precision of the frozen teacher: bfloat16 where the device computes it natively.

    The student stays in float32. It takes about a tenth of the time.
    """
    if device.type == "cuda":
        return (
            torch.bfloat16
            if torch.cuda.is_bf16_supported(including_emulation=False)
            else torch.float32
        )
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return torch.bfloat16 if device.type == "cpu" and native() else torch.float32
