"""The moving average of weights that a phase can end with."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

_SLOW_START = 9.0  # the decay of update n is at most n / (9 + n): early averages forget faster


def create_average(layers: nn.Module, decay: float) -> AveragedModel:
    """Start an exponential moving average of parameters from their current values.

    ``update_parameters(layers)`` after each step updates it; :func:`apply_average` copies it back.

    Source: Polyak and Juditsky, 1992. The slow start is that of TensorFlow's
    ``ExponentialMovingAverage``.

    Args:
        layers: The layers to average.
        decay: Share of the average that an update keeps, in (0, 1).
    """

    def update(averages: Sequence[Tensor], weights: Sequence[Tensor], count: Tensor | int) -> None:
        updates = float(count)
        step_decay = min(decay, updates / (_SLOW_START + updates))
        get_ema_multi_avg_fn(step_decay)(averages, weights, count)  # type: ignore[no-untyped-call]

    average = AveragedModel(layers, multi_avg_fn=update)
    average.requires_grad_(False)
    average.update_parameters(layers)  # the first call copies the weights and sets the count to 1
    return average


@torch.no_grad()
def apply_average(average: AveragedModel, layers: nn.Module) -> None:
    """Copy the averaged parameters into the layers."""
    for averaged, weight in zip(average.module.parameters(), layers.parameters(), strict=True):
        weight.copy_(averaged)
