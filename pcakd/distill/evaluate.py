"""How much of its teacher a tap carries: R², its ceiling, and dead channels."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.backbones import Backbone
from pcakd.blocks import Autoencoder
from pcakd.distill.losses import centred, project
from pcakd.precision import full_precision

_DEAD = 1e-4  # a channel whose deviation is under this share of the mean deviation is dead


@dataclass(frozen=True, slots=True, kw_only=True)
class TapReport:
    """What was seen of one tap on held-out photographs.

    Attributes:
        r2: 1 - ‖W S̄ - F̄‖² / ‖F̄‖², summed over images.
        ceiling: The same with S = WᵀF: what the eigenbasis allows.
        dead_channels: Channels of the student that do not vary.
        channels: All channels of the student's tap.
    """

    r2: float
    ceiling: float
    dead_channels: int
    channels: int


def evaluate_tap(
    student: Autoencoder,
    backbone: Backbone,
    basis: Float[Tensor, "c k"],
    images: Iterable[Float[Tensor, "b 3 h w"]],
    *,
    tap: int,
) -> TapReport:
    """Compare a student's tap with its teacher's.

    Args:
        student: In evaluation mode.
        backbone: The (normalised) teacher.
        basis: The eigenbasis of the tap.
        images: Batches in [0, 1], on the device of both.
        tap: 1 to 4.

    Returns:
        Shares of variance, and dead channels.
    """
    left = within = total = 0.0
    spread = torch.zeros(basis.shape[1], dtype=torch.float64)
    with torch.inference_mode(), full_precision():
        for batch in images:
            teacher = centred(backbone(batch, last_tap=tap)[-1].float())
            target = project(teacher, basis)
            mapped = centred(student.encode_with_sources(batch, last_block=tap)[0][-1])
            power = float(teacher.square().sum())
            inside = float(target.square().sum())
            left += float((mapped - target).square().sum()) + power - inside
            within += inside
            total += power
            spread += mapped.square().mean(dim=(0, 2, 3)).cpu().double()
    deviation = spread.sqrt()
    return TapReport(
        r2=1.0 - left / total,
        ceiling=within / total,
        dead_channels=int((deviation <= _DEAD * deviation.mean()).sum()),
        channels=len(deviation),
    )
