"""Gradient descent in the measure of what layers compute, for layers that begin as regressions.

A regression knows the covariance A of its patches. A step D = G (A + damping)⁻¹ of the gradient G
is that of gradient descent on weights of whitened patches: directions in which patches vary much
do not move more than others, so that a small step in the weights is a small step in the maps.

Source: Amari, "Natural Gradient Works Efficiently in Learning", Neural Computation 1998, with the
input's covariance alone, as in Benzing, "Gradient Descent on Neurons and its Link to Approximate
Second-Order Optimization", ICML 2022. Departures: the covariance stays that of the start; the rate
is the length of a step, as a share of the root mean square of the layer's output.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from bench.peers.training.regression import PatchMoments, to_float64

_TINY = 1e-20


class NaturalGradient(torch.optim.Optimizer):
    """Moves each layer by a share of its output a step.

    Args:
        groups: One a convolution with bias, its two parameters in this order; ``lr`` is the rate.
        momentum: How much of the gradients before is kept.
        damping: What is added to variances of patches, as a share of their mean.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], *, momentum: float = 0.9, damping: float = 0.1
    ) -> None:
        super().__init__(groups, {"lr": 0.0, "momentum": momentum, "damping": damping})

    @torch.no_grad()
    def measure(self, moments: Sequence[PatchMoments]) -> None:
        """Take the moments of the patches that reach each layer; a resumed run has them as state.

        Raises:
            ValueError: Their number is not that of the layers.
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
            ValueError: There is a closure.
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
            # of weights for patches without their mean, with which the bias has nothing to do
            centred = along - torch.outer(level, state["mean"])
            change = centred @ state["precision"]
            power = (centred * change).sum() + level.square().sum()
            size = group["lr"] * (state["power"] / (power + _TINY)).sqrt()
            weight.sub_((size * change).reshape(weight.shape))
            bias.sub_(size * (level - change @ state["mean"]))
