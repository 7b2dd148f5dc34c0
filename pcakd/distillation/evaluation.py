"""Evaluation of a student's taps against its teacher: R², its ceiling, dead channels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.backbones import Backbone
from pcakd.blocks import Autoencoder
from pcakd.distillation.losses.features import centred, project
from pcakd.errors import TrainingError
from pcakd.utils.precision import full_precision

_ROUNDING = 32 * torch.finfo(torch.float32).eps  # of a feature, relative, behind some ten layers
_DEAD = 1e-4  # of the mean standard deviation; a channel with less is dead


@dataclass(frozen=True, slots=True, kw_only=True)
class TapReport:
    """Evaluation of one tap on held-out photographs.

    Attributes:
        r2: 1 - ‖W S̄ - F̄‖² / ‖F̄‖², summed over images.
        ceiling: The largest R² that the eigenbasis allows, that of S = WᵀF.
        dead_channels: Number of the student's channels that do not vary.
        channels: Number of all the student's channels.
    """

    r2: float
    ceiling: float
    dead_channels: int
    channels: int


class _Totals:
    """Sums over images for one tap."""

    def __init__(self, basis: Float[Tensor, "c k"]) -> None:
        self.basis = basis
        self.left = self.within = self.total = self.energy = 0.0
        self.spread = torch.zeros(basis.shape[1], dtype=torch.float64)

    def add(self, tap: Tensor, teacher: Tensor) -> None:
        features = centred(teacher.float())
        target = project(features, self.basis)
        mapped = centred(tap)
        self.energy += float(teacher.float().square().sum())
        power, inside = float(features.square().sum()), float(target.square().sum())
        self.left += float((mapped - target).square().sum()) + power - inside
        self.within += inside
        self.total += power
        self.spread += mapped.square().mean(dim=(0, 2, 3)).cpu().double()

    @property
    def flat(self) -> bool:
        """Whether what varies is no more than rounding."""
        return self.total <= _ROUNDING**2 * self.energy

    def report(self) -> TapReport:
        deviation = self.spread.sqrt()
        return TapReport(
            r2=1.0 - self.left / self.total,
            ceiling=self.within / self.total,
            dead_channels=int((deviation <= _DEAD * deviation.mean()).sum()),
            channels=len(deviation),
        )


def evaluate_taps(
    student: Autoencoder,
    backbone: Backbone,
    bases: Sequence[Float[Tensor, "c k"]],
    images: Iterable[Float[Tensor, "b 3 h w"]],
) -> list[TapReport]:
    """Compare a student's taps with its teacher's.

    Args:
        student: The student, in evaluation mode.
        backbone: The teacher, normalised if it is a VGG.
        bases: The eigenbases of taps 1, 2, …; only these taps are compared.
        images: Batches with values in [0, 1], on the device of both networks.

    Returns:
        One report for each tap.

    Raises:
        TrainingError: The teacher's features have no variance, because the images are flat.
    """
    last = len(bases)
    totals = [_Totals(basis) for basis in bases]
    with torch.inference_mode(), full_precision():
        for batch in images:
            teacher = backbone(batch, last_tap=last)
            taps = student.encode_with_sources(batch, last_block=last)[0]
            for total, tap, features in zip(totals, taps, teacher, strict=True):
                total.add(tap, features)
    if any(total.flat for total in totals):
        raise TrainingError("the middles of the held-out photographs are flat; use another seed")
    return [total.report() for total in totals]
