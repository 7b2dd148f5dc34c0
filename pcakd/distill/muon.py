"""Muon: momentum whose step is orthogonalised, so that no direction of a layer waits for another.

Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024 (the
coefficients of the Newton-Schulz iteration, Nesterov's momentum). Departures: a step is a share of
the parameter's own size, as in Adafactor (Shazeer and Stern, ICML 2018), so that one rate suits
layers that make colours in [0, 1] and layers that make features in hundreds; a convolution is a
matrix of its output channels; a bias takes a step of its gradient's direction; all in float32.
`torch.optim.Muon` (PyTorch 2.9 on) takes matrices alone, neither convolutions nor biases.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_LEAST_SIZE = 1e-3


class Muon(torch.optim.Optimizer):
    """Takes steps of one size in every direction of a layer's matrix.

    Args:
        params: Parameters, or groups of them with a rate of their own as ``lr``.
        lr: The rate: the root mean square of a step over that of its parameter (at least 0.001).
        momentum: How much of the gradients before is kept.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.003,
        *,
        momentum: float = 0.95,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step; a parameter without a gradient stays.

        Raises:
            ValueError: There is a closure.
        """
        if closure is not None:
            raise ValueError("Muon takes no closure")
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update = self._accelerate(parameter, group["momentum"])
                    parameter.add_(update, alpha=-group["lr"])

    def _accelerate(self, parameter: Tensor, keep: float) -> Tensor:
        """Return the step of a parameter for a rate of 1."""
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].mul_(keep).add_(parameter.grad)
        ahead = parameter.grad + keep * momentum
        if ahead.ndim > 1:
            ahead = orthogonalize(ahead.flatten(1)).reshape(parameter.shape)
        return ahead * (_size(parameter).clamp_min(_LEAST_SIZE) / (_size(ahead) + 1e-12))


def _size(values: Tensor) -> Tensor:
    """Return the root mean square."""
    return values.square().mean().sqrt()


def orthogonalize(matrix: Tensor) -> Tensor:
    """Bring the singular values of a matrix ``(m, n)`` near 1 (about 0.7 to 1.2), vectors kept.

    Directions whose singular value is under about 0.003 of the Frobenius norm stay below.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    result = matrix.T if tall else matrix
    result = result / (result.norm() + 1e-12)
    a, b, c = _COEFFICIENTS
    for _ in range(_ITERATIONS):
        gram = result @ result.T
        result = torch.addmm(result, torch.addmm(gram, gram, gram, beta=b, alpha=c), result, beta=a)
    return result.T if tall else result
