"""The training loop: block pair by block pair, with checkpoints, restarts and a health check."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from pcakd.backbones import Backbone
from pcakd.blocks import Autoencoder
from pcakd.distill.checkpoint import (
    CHECKPOINT,
    OPTIMIZER,
    Progress,
    load_checkpoint,
    pack_optimizer,
    save_checkpoint,
    unpack_optimizer,
)
from pcakd.distill.health import CollapseError, Examiner
from pcakd.distill.journal import Journal
from pcakd.distill.norms import follow_batches, prepare_layers
from pcakd.distill.phases import TERMS, DecoderPhase, Phase, create_phase
from pcakd.distill.photos import Photos
from pcakd.distill.recipe import PhaseName, Recipe
from pcakd.distill.setting import Setting
from pcakd.errors import TrainingError

_CHECKPOINT_EVERY = 100
_LOG_EVERY = 20
_FIRST_STEP = 4  # numbers below draw calibration crops
_WARM_UP = 0.1
_FINAL_RATE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a training run is made of.

    Attributes:
        recipe: All settings.
        setting: Student (or another autoencoder), teacher and eigenbases.
        phases: What each block goes through, in order.
        draw: Makes a network like the one in training with other random weights, from a seed.
        check_teacher: The teacher in full precision, for R².
        photos: Training crops.
        folder: Where checkpoints, logs and sheets go.
        fingerprint: What must be the same when the run is resumed.
    """

    recipe: Recipe
    setting: Setting
    phases: tuple[PhaseName, ...]
    draw: Callable[[int], Autoencoder]
    check_teacher: Backbone
    photos: Photos
    folder: Path
    fingerprint: Mapping[str, Any]


def rate_at(step: int, steps: int, peak: float) -> float:
    """Return the learning rate: a linear warm-up, then half a cosine down to a hundredth."""
    warm = max(1, round(_WARM_UP * steps))
    if step < warm:
        return peak * (step + 1) / warm
    way = (step - warm) / max(1, steps - warm)
    return peak * (_FINAL_RATE + (1.0 - _FINAL_RATE) * 0.5 * (1.0 + math.cos(math.pi * way)))


class Trainer:
    """Trains the blocks of a student or of another autoencoder, from the start or a checkpoint.

    Args:
        run: What to train, on what, and where to.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.progress = Progress(phase=run.phases[0])
        self.student: Autoencoder = run.setting.student
        self.device = next(self.student.parameters()).device
        self._checkpoint = run.folder / CHECKPOINT
        self._wanted = [name for name in TERMS if self._weight(name)]
        self._examiner = Examiner(
            recipe=run.recipe,
            setting=run.setting,
            check_teacher=run.check_teacher,
            photos=run.photos,
            folder=run.folder,
        )
        self._phase: Phase | None = None
        self._optimizer: torch.optim.Optimizer | None = None

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to go on from; a run killed early has nothing."""
        return self._checkpoint.is_file()

    def resume(self) -> None:
        """Go back to the last checkpoint.

        Raises:
            TrainingError: It is damaged, or of a run with other settings.
        """
        self.progress, state = load_checkpoint(
            self._checkpoint, fingerprint=dict(self.run.fingerprint)
        )
        if self.progress.phase == "pair":
            prepare_layers(self.student.encoder_layers(self.progress.block))
        if self.progress.step:
            phase, optimizer = self._open_phase()
            phase.scales = dict(self.progress.scales)
            unpack_optimizer(optimizer, state)
        weights = {n: t for n, t in state.items() if not n.startswith(OPTIMIZER)}
        try:
            self.student.load_state_dict(weights)
        except RuntimeError as cause:
            raise TrainingError(
                f"{self._checkpoint} is damaged; delete it to start over"
            ) from cause

    def train(self) -> None:
        """Train what is left, block by block; restart a block that collapses.

        Raises:
            TrainingError: A block collapsed as often as the recipe allows.
        """
        position = self.progress.block, self.progress.attempt, self._global_step()
        with Journal(self.run.folder, position=position) as journal:
            while self.progress.block <= 4:
                try:
                    self._train_phase(journal)
                    self._finish_phase()
                except CollapseError as collapse:
                    self._restart(str(collapse))
                self._save()

    def _train_phase(self, journal: Journal) -> None:
        recipe, progress = self.run.recipe, self.progress
        steps = recipe.steps(progress.phase, progress.block)
        if self._phase is None:
            self._open_phase()
        title = f"block {progress.block} {progress.phase}"
        with tqdm(total=steps, initial=progress.step, desc=title, unit="step") as bar:
            while progress.step < steps:
                loss = self._step(steps, journal)
                bar.update()
                bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
                if progress.step % _CHECKPOINT_EVERY == 0 and progress.step < steps:
                    self._save()

    def _step(self, steps: int, journal: Journal) -> float:
        phase, optimizer, progress = self._phase, self._optimizer, self.progress
        if phase is None or optimizer is None:
            raise RuntimeError("no phase is open")
        start = time.perf_counter()
        rate = rate_at(progress.step, steps, self._peak_rate())
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]
        live = progress.step < (1.0 - self.run.recipe.frozen_share) * steps
        follow_batches(phase.live_layers, live=live)
        with phase.precision():
            terms = phase.losses(self._batch(progress.step), wanted=self._wanted)
        loss = torch.stack([self._weight(name) * term for name, term in terms.items()]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        value = float(loss.detach())
        if not math.isfinite(value):
            raise CollapseError(f"the loss became {value} at step {progress.step}")
        optimizer.step()
        progress.step += 1
        progress.device_seconds += time.perf_counter() - start
        if progress.step % _LOG_EVERY == 0 or progress.step == steps:
            self._log(journal, rate, value, terms)
        return value

    def _log(self, journal: Journal, rate: float, loss: float, terms: dict[str, Tensor]) -> None:
        p = self.progress
        row: dict[str, float | int | str] = {
            "block": p.block,
            "attempt": p.attempt,
            "phase": p.phase,
            "step": p.step,
            "global_step": self._global_step(),
            "rate": rate,
            "loss": loss,
        }
        journal.add(row | {name: float(term.detach()) for name, term in terms.items()})

    def _finish_phase(self) -> None:
        phase, progress = self._phase, self.progress
        if phase is None:
            raise RuntimeError("no phase is open")
        follow_batches(phase.layers, live=False)
        if isinstance(phase, DecoderPhase):
            for layer in phase.layers:
                layer.fold()
            report = {"block": progress.block, "attempts": progress.attempt + 1}
            if "encoder" in self.run.phases:
                report |= self._examiner.examine_tap(progress.block)
            progress.reports.append(report | self._examiner.examine_decoder(phase))
            progress.block, progress.phase = progress.block + 1, self.run.phases[0]
            progress.attempt = 0
        else:
            self._examiner.examine_tap(progress.block)
            progress.phase = "pair"
        self._close_phase()

    def _restart(self, reason: str) -> None:
        progress = self.progress
        message = f"block {progress.block} collapsed in its {progress.phase} phase: {reason}"
        progress.attempt += 1
        if progress.attempt >= self.run.recipe.max_attempts:
            raise TrainingError(
                f"{message}; gave up after {progress.attempt} attempts; start anew with more "
                "steps, lower rates or another --seed"
            )
        tqdm.write(f"{message}; restarting the block with another seed and half the rate")
        progress.phase = self.run.phases[0]
        self._close_phase()
        self._draw_block()

    def _draw_block(self) -> None:
        """Give what is trained of the current block fresh random weights."""
        p = self.progress
        fresh = self.run.draw(self.run.recipe.seed + 1000 * p.attempt + p.block)
        pairs = [(n.decoder.layers(p.block) for n in (fresh, self.student))]
        if "encoder" in self.run.phases:
            pairs.append(n.encoder_layers(p.block) for n in (fresh, self.student))
        for new, old in pairs:
            for source, target in zip(new, old, strict=True):
                target.fold()
                target.conv.load_state_dict(source.conv.state_dict())

    def _open_phase(self) -> tuple[Phase, torch.optim.Optimizer]:
        progress = self.progress
        phase = create_phase(progress.phase, self.run.setting, progress.block)
        if progress.step:
            phase.restore()
        else:
            phase.prepare([self._calibration_batch(i) for i in range(phase.calibration_batches)])
        for layer in phase.layers:
            layer.requires_grad_(True)
        self._phase = phase
        settled = self.run.recipe.settled_share
        self._optimizer = phase.create_optimizer(
            [
                {
                    "params": list(layer.parameters()),
                    "share": 1.0 if layer in phase.live_layers else settled,
                }
                for layer in phase.layers
            ]
        )
        return phase, self._optimizer

    def _close_phase(self) -> None:
        self._phase = self._optimizer = None
        self.progress.step = 0
        self.progress.scales = {}
        self.student.eval().requires_grad_(False)

    def _save(self) -> None:
        state = dict(self.student.state_dict())
        if self._phase is not None and self._optimizer is not None:
            state |= pack_optimizer(self._optimizer)
            self.progress.scales = dict(self._phase.scales)
        save_checkpoint(
            self._checkpoint, self.progress, state, fingerprint=dict(self.run.fingerprint)
        )

    def _weight(self, term: str) -> float:
        return self.run.recipe.loss_weights[TERMS.index(term)]

    def _peak_rate(self) -> float:
        p = self.progress
        return self.run.recipe.rate(p.phase, p.block) * 0.5**p.attempt

    def _global_step(self) -> int:
        p, recipe = self.progress, self.run.recipe
        phases = self.run.phases
        before = sum(recipe.steps(phase, block) for block in range(1, p.block) for phase in phases)
        earlier = phases[: phases.index(p.phase)]
        within = sum(recipe.steps(phase, p.block) for phase in earlier)
        return before + within + p.step

    def _batch(self, step: int) -> Tensor:
        return self._draw_batch(step + _FIRST_STEP)

    def _calibration_batch(self, index: int) -> Tensor:
        """Draw crops that no step sees; the first ones are numbered before the first step."""
        below = _FIRST_STEP - 1 - index
        return self._draw_batch(below) if below >= 0 else self._draw_batch(-below, 1)

    def _draw_batch(self, *number: int) -> Tensor:
        p, recipe = self.progress, self.run.recipe
        key = (p.block, p.attempt, self.run.phases.index(p.phase), *number)
        return self._on_device(self.run.photos.batch(key, size=recipe.batch, crop=recipe.crop))

    def _on_device(self, batch: Tensor) -> Tensor:
        return batch.to(self.device, memory_format=torch.channels_last)
