"""The moving average of weights that a phase ends with."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pcakd.blocks import ConvLayer

_YOUTH = 10.0  # early averages forget faster: the decay is at most (1 + n) / (10 + n)


class WeightAverage:
    """An exponential moving average of the weights of layers.

    Source: Polyak and Juditsky, 1992; the slow start is that of TensorFlow's
    ``ExponentialMovingAverage``.

    Args:
        layers: Whose weights.
        decay: How much of the average a step keeps, in (0, 1).
    """

    def __init__(self, layers: Sequence[ConvLayer], decay: float) -> None:
        self._weights = [p for layer in layers for p in layer.parameters()]
        self._averages = [p.detach().clone() for p in self._weights]
        self._decay = decay

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step; the first one is step 0."""
        decay = min(self._decay, (1.0 + step) / (_YOUTH + step))
        for average, weight in zip(self._averages, self._weights, strict=True):
            average.lerp_(weight, 1.0 - decay)

    @torch.no_grad()
    def apply(self) -> None:
        """Put the averages in the place of the weights."""
        for average, weight in zip(self._averages, self._weights, strict=True):
            weight.copy_(average)

    def state(self) -> dict[str, Tensor]:
        """Return the averages, to be kept."""
        return {str(index): average for index, average in enumerate(self._averages)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take averages that were kept.

        Raises:
            KeyError: One is missing.
        """
        for index, average in enumerate(self._averages):
            average.copy_(state[str(index)])
