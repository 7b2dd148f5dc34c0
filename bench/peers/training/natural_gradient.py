"""Natural gradient descent for layers that start as regressions.

A regression measures the covariance A of its patches. The step D = G (A + damping)⁻¹ for the
gradient G equals gradient descent on whitened patches: directions in which patches vary a lot move
no more than others, so a small step in the weights is a small step in the feature maps.

Source: Amari, "Natural Gradient Works Efficiently in Learning", Neural Computation 1998, with the
input's covariance alone, as in Benzing, "Gradient Descent on Neurons and its Link to Approximate
Second-Order Optimization", ICML 2022. Departures: the covariance is that of the start; the rate is
the length of a step, as a share of the root mean square of the layer's output.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from bench.peers.training.regression import PatchMoments, to_float64

_TINY = 1e-20


class NaturalGradient(torch.optim.Optimizer):
    """An optimiser that changes the output of each layer by a given share per step.

    Args:
        groups: One group per convolution, with weight and bias in this order; ``lr`` is the rate.
        momentum: Share of the former gradients to keep.
        damping: Amount added to the variances of patches, as a share of their mean.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], *, momentum: float = 0.9, damping: float = 0.1
    ) -> None:
        super().__init__(groups, {"lr": 0.0, "momentum": momentum, "damping": damping})

    @torch.no_grad()
    def measure(self, moments: Sequence[PatchMoments]) -> None:
        """Set the moments of each layer's patches; a resumed run has them in its state.

        Raises:
            ValueError: There are more or fewer moments than layers.
        """
        for group, each in zip(self.param_groups, moments, strict=True):
            weight, bias = group["params"]
            matrix = to_float64(weight.flatten(1))
            offset = matrix @ each.mean + to_float64(bias)
            power = (matrix @ each.covariance * matrix).sum() + offset.square().sum()
            damped = each.covariance.clone()
            damped.diagonal().add_(group["damping"] * damped.diagonal().mean() + _TINY)
            precision = torch.cholesky_inverse(torch.linalg.cholesky(damped))
            self.state[weight] = {
                "momentum": torch.zeros_like(weight),
                "mean": each.mean.to(weight),
                "precision": precision.to(weight),
                "power": power.to(weight),
            }
            self.state[bias] = {"momentum": torch.zeros_like(bias)}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step.

        Raises:
            ValueError: A closure is given.
        """
        if closure is not None:
            raise ValueError("NaturalGradient takes no closure")
        for group in self.param_groups:
            weight, bias = group["params"]
            if weight.grad is None or bias.grad is None:
                continue
            state, keep = self.state[weight], group["momentum"]
            along = state["momentum"].mul_(keep).add_(weight.grad).flatten(1)
            level = self.state[bias]["momentum"].mul_(keep).add_(bias.grad)
            # the gradient for centred patches, which does not depend on the bias
            centred = along - torch.outer(level, state["mean"])
            change = centred @ state["precision"]
            power = (centred * change).sum() + level.square().sum()
            size = group["lr"] * (state["power"] / (power + _TINY)).sqrt()
            weight.sub_((size * change).reshape(weight.shape))
            bias.sub_(size * (level - change @ state["mean"]))
