"""The leg in training: its losses, what moves its weights, and what a checkpoint holds of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pcakd.distillation.averaging import WeightAverage
from pcakd.distillation.health import CollapseError
from pcakd.distillation.norms import follow_batches
from pcakd.distillation.parallel import average_over_ranks, world_size
from pcakd.distillation.phases import Phase
from pcakd.distillation.run_files.checkpoint import (
    AVERAGE,
    OPTIMIZER,
    START,
    pack_optimizer,
    unpack_optimizer,
)


class _Losses(nn.Module):
    """The losses of a phase as a module, which is what DistributedDataParallel takes."""

    def __init__(self, phase: Phase) -> None:
        super().__init__()
        self.layers = nn.ModuleList(phase.layers)
        self._phase = phase

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the loss terms of a batch."""
        return self._phase.losses(images)


@dataclass(slots=True, kw_only=True)
class OpenLeg:
    """The leg in training.

    Attributes:
        phase: What it does.
        losses: Its losses; over several processes they share gradients.
        optimizer: What moves its weights.
        average: The average of its weights, if it keeps one.
        start: The weights that it goes back to.
    """

    phase: Phase
    losses: nn.Module
    optimizer: torch.optim.Optimizer
    average: WeightAverage | None
    start: dict[str, Tensor]

    def train_on(self, images: Tensor, *, step: int, rate: float, live: bool) -> dict[str, float]:
        """Move the weights by one step.

        Args:
            images: This process's part of the batch.
            step: How many there were before.
            rate: Learning rate.
            live: Whether norms take statistics of the batch.

        Returns:
            The loss terms and their weighted sum, ``loss``, averaged over processes.

        Raises:
            CollapseError: The loss is not finite; the weights have not moved.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        follow_batches(self.phase.layers, live=live)
        with self.phase.precision():
            terms = self.losses(images)
        loss = self.phase.total(terms)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        figures = torch.stack([*terms.values(), loss]).detach()
        values = dict(zip([*terms, "loss"], average_over_ranks(figures).tolist(), strict=True))
        if not math.isfinite(values["loss"]):
            raise CollapseError(f"the loss became {values['loss']} at step {step}")
        self.phase.limit_gradients()
        self.optimizer.step()
        if self.average is not None:
            self.average.update(step)
        return values

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs beside the network's weights."""
        state = pack_optimizer(self.optimizer)
        state |= {f"{START}{name}": tensor for name, tensor in self.start.items()}
        if self.average is not None:
            state |= {f"{AVERAGE}{name}": tensor for name, tensor in self.average.state().items()}
        return state

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take it back."""
        self.start = _under(START, state)
        unpack_optimizer(self.optimizer, state)
        if self.average is not None:
            self.average.load(_under(AVERAGE, state))


def open_leg(phase: Phase, *, decay: float, start: dict[str, Tensor]) -> OpenLeg:
    """Make a prepared phase ready for its first step.

    Args:
        phase: What the leg does.
        decay: Of the average of the weights; 0 for none.
        start: The weights that a collapsed leg goes back to.
    """
    for layer in phase.layers:
        layer.requires_grad_(True)
    groups = [{"params": list(layer.parameters())} for layer in phase.layers]
    losses: nn.Module = _Losses(phase)
    if world_size() > 1:
        losses = DistributedDataParallel(losses)
        losses.broadcast_buffers = False  # as an argument, newer releases of torch warn of it
    return OpenLeg(
        phase=phase,
        losses=losses,
        optimizer=phase.create_optimizer(groups),
        average=WeightAverage(phase.layers, decay) if decay else None,
        start=start,
    )


def network_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the network's own weights in a checkpoint's tensors."""
    return {n: t for n, t in state.items() if not n.startswith((OPTIMIZER, START, AVERAGE))}


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin so, under what follows."""
    return {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
