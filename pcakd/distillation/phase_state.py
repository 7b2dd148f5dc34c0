"""The state of the phase in training: losses, optimiser, weight average, checkpoint tensors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from pcakd.distillation.averaging import apply_average, create_average
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
    """The losses of a phase as a module, as DistributedDataParallel needs it."""

    def __init__(self, phase: Phase) -> None:
        super().__init__()
        self.layers = nn.ModuleList(phase.layers)
        self._phase = phase

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the loss terms of a batch."""
        return self._phase.losses(images)


@dataclass(slots=True, kw_only=True)
class PhaseState:
    """The state of the phase in training.

    Attributes:
        phase: The phase.
        layers: The layers that it trains, as a module.
        losses: Its losses; with several processes it averages gradients over them.
        optimizer: The optimiser of the layers.
        average: The moving average of the weights, if the phase has one.
        start: The weights to restore if the phase collapses; empty if it restarts from fresh ones.
    """

    phase: Phase
    layers: nn.Module
    losses: nn.Module
    optimizer: torch.optim.Optimizer
    average: AveragedModel | None
    start: dict[str, Tensor]

    def train_on(self, images: Tensor, *, step: int, rate: float, live: bool) -> dict[str, float]:
        """Run one training step.

        Args:
            images: This process's part of the batch.
            step: Number of the step, from 0.
            rate: Learning rate.
            live: Whether batch norms use the statistics of the batch.

        Returns:
            The loss terms and their weighted sum, ``loss``, averaged over processes.

        Raises:
            CollapseError: The loss is not finite. The weights have not changed.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        follow_batches(self.phase.layers, live=live)
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
            self.average.update_parameters(self.layers)
        return values

    def finish(self) -> None:
        """Replace the weights by their average, if there is one, and finish the phase."""
        if self.average is not None:
            apply_average(self.average, self.layers)
        self.phase.finish()

    def state(self) -> dict[str, Tensor]:
        """Return the tensors that a checkpoint needs beside the network's weights."""
        state = pack_optimizer(self.optimizer)
        state |= {f"{START}{name}": tensor for name, tensor in self.start.items()}
        if self.average is not None:
            averages = self.average.state_dict()
            state |= {f"{AVERAGE}{name}": tensor for name, tensor in averages.items()}
        return state

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Restore the tensors of :meth:`state`.

        Raises:
            RuntimeError: A tensor of the average is missing or has another shape.
        """
        self.start = _under(START, state)
        unpack_optimizer(self.optimizer, state)
        if self.average is not None:
            self.average.load_state_dict(_under(AVERAGE, state))


def start_phase(phase: Phase, *, decay: float, start: dict[str, Tensor]) -> PhaseState:
    """Make a prepared phase ready for its first step.

    Args:
        phase: The phase.
        decay: Decay of the average of its weights; 0 for no average.
        start: The weights to restore if the phase collapses.
    """
    for layer in phase.layers:
        layer.requires_grad_(True)
    groups = [{"params": list(layer.parameters())} for layer in phase.layers]
    layers = nn.ModuleList(phase.layers)
    losses: nn.Module = _Losses(phase)
    if world_size() > 1:
        losses = DistributedDataParallel(losses)
        losses.broadcast_buffers = False  # as an argument, newer releases of torch warn of it
    return PhaseState(
        phase=phase,
        layers=layers,
        losses=losses,
        optimizer=phase.create_optimizer(groups),
        average=create_average(layers, decay) if decay else None,
        start=start,
    )


def network_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the network's own weights among a checkpoint's tensors."""
    return {n: t for n, t in state.items() if not n.startswith((OPTIMIZER, START, AVERAGE))}


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with this prefix, without it."""
    return {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
