"""The training loop: phase after phase, with checkpoints, health checks and restarts."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from tqdm import tqdm

from pcakd.blocks import Autoencoder
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.data.prefetch import Key, prefetch
from pcakd.distillation.health import CollapseError
from pcakd.distillation.norms import surround_like
from pcakd.distillation.parallel import is_writer, wait_for_all, world_size
from pcakd.distillation.phase_state import PhaseState, network_weights, start_phase
from pcakd.distillation.phases import Phase
from pcakd.distillation.phases.stylization import FLAT_COLOUR_ERROR
from pcakd.distillation.run_files.checkpoint import (
    CHECKPOINT,
    Progress,
    load_checkpoint,
    save_checkpoint,
)
from pcakd.distillation.run_files.logger import TrainingLogger, save_contact_sheet
from pcakd.distillation.run_files.session import describe_session
from pcakd.distillation.schedule import ALL_BLOCKS, PhaseSchedule
from pcakd.errors import CollapsedTrainingError, TrainingError

_CHECKPOINT_EVERY = 100
_LOG_EVERY = 20
_FIRST_STEP = 4  # keys with lower numbers draw calibration crops
_SHEET_PHOTOS = 6


class TrainingRecipe(Protocol):
    """The settings that the trainer reads."""

    @property
    def max_attempts(self) -> int:
        """Attempts at a phase before the training fails."""

    @property
    def seed(self) -> int:
        """Seed of fresh weights."""

    def phases(self) -> tuple[PhaseSchedule, ...]:
        """Return the schedules of the phases, in order."""

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A finished step of a training.

    Attributes:
        phase: Name of the phase.
        block: The block that the phase trains, 1 to 4, or `ALL_BLOCKS`.
        number: Number of the step in the phase, from 1.
        loss: The weighted sum of the losses.
        network: The network in training.
    """

    phase: str
    block: int = ALL_BLOCKS
    number: int
    loss: float
    network: Autoencoder


def _do_nothing(step: Step) -> None:
    del step


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything that a training run needs.

    Attributes:
        recipe: All settings.
        network: The network, trained in place.
        create_phase: Creates the phase of a schedule.
        losses: Names of the loss terms of all phases.
        draw: Creates a network of the same shape with random weights, from a seed.
        photos: Source of crops.
        folder: Folder for checkpoints, logs and contact sheets.
        fingerprint: Settings that must be the same when the run resumes.
        average: Decay of the moving average of weights, by phase. Other phases have no average.
        on_step: Called after each step; an error that it raises ends the training.
        on_last_phase: Called at the start of the last of several phases, with the progress and the
            network's weights.
    """

    recipe: TrainingRecipe
    network: Autoencoder
    create_phase: Callable[[PhaseSchedule], Phase]
    losses: Sequence[str]
    draw: Callable[[int], Autoencoder]
    photos: Photos
    folder: Path
    fingerprint: Mapping[str, Any]
    average: Mapping[str, float]
    on_step: Callable[[Step], object] = _do_nothing
    on_last_phase: Callable[[Progress, dict[str, Tensor]], object] | None = None


class Trainer:
    """Trains a student or another autoencoder, from the start or a checkpoint.

    Args:
        run: The network, settings, photographs and output folder.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.progress = Progress()
        self.phases = run.recipe.phases()
        self.device = next(run.network.parameters()).device
        self._checkpoint = run.folder / CHECKPOINT
        self._state: PhaseState | None = None

    @property
    def has_checkpoint(self) -> bool:
        """Whether the folder has a checkpoint; a run that was killed early has none."""
        return self._checkpoint.is_file()

    def resume(self) -> None:
        """Restore the last checkpoint.

        Raises:
            TrainingError: It is damaged, or of a run with other settings.
        """
        self.progress, state = load_checkpoint(
            self._checkpoint, fingerprint=dict(self.run.fingerprint)
        )
        weights = network_weights(state)
        surround_like(self.run.network, weights)
        current = self._start_phase() if self.progress.step else None
        try:
            if current is not None:
                current.phase.scales.update(self.progress.scales)
                current.load(state)
            self.run.network.load_state_dict(weights)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, KeyError) as cause:  # a weight or an average is missing or misshapen
            raise TrainingError(
                f"{self._checkpoint} is damaged; delete it to start over"
            ) from cause

    def train(self) -> None:
        """Train the remaining phases; restart a phase that collapses.

        Raises:
            CollapsedTrainingError: A phase collapsed as often as the recipe allows.
        """
        self._note_session()
        if not is_writer():
            self._train(None)
            return
        position = self.progress.phase, self.progress.attempt, self._global_step()
        with TrainingLogger(
            self.run.folder, phases=self.phases, losses=self.run.losses, position=position
        ) as logger:
            self._train(logger)

    def _note_session(self) -> None:
        progress, session = self.progress, describe_session(self.device)
        unfinished = progress.phase < len(self.phases)
        if not progress.sessions or (unfinished and session != progress.sessions[-1]):
            progress.sessions.append(session)

    def _train(self, logger: TrainingLogger | None) -> None:
        while self.progress.phase < len(self.phases):
            try:
                self._train_phase(logger)
                self._finish_phase()
            except CollapseError as collapse:
                self._restart(str(collapse))
            self._save()
            self._announce_last_phase()
        wait_for_all()

    def _announce_last_phase(self) -> None:
        progress, announce = self.progress, self.run.on_last_phase
        begins = 0 < progress.phase == len(self.phases) - 1 and not progress.attempt
        if announce and begins and is_writer():
            announce(progress, dict(self.run.network.state_dict()))

    @property
    def _phase(self) -> PhaseSchedule:
        return self.phases[self.progress.phase]

    def _train_phase(self, logger: TrainingLogger | None) -> None:
        progress, steps = self.progress, self._phase.schedule.steps
        current = self._state or self._start_phase()
        with (
            tqdm(
                total=steps,
                initial=progress.step,
                desc=str(self._phase),
                unit="step",
                disable=not is_writer(),
            ) as bar,
            closing(self._batches()) as batches,
        ):
            while progress.step < steps:
                loss = self._step(current, batches, logger)
                bar.update()
                bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
                self.run.on_step(
                    Step(
                        phase=self._phase.name,
                        block=self._phase.block,
                        number=progress.step,
                        loss=loss,
                        network=self.run.network,
                    )
                )
                if progress.step % _CHECKPOINT_EVERY == 0 and progress.step < steps:
                    self._save()

    def _step(
        self, current: PhaseState, batches: Iterator[Tensor], logger: TrainingLogger | None
    ) -> float:
        progress, steps = self.progress, self._phase.schedule.steps
        start, cpu_start = time.perf_counter(), time.process_time()
        rate = self._phase.schedule.rate_at(progress.step) * 0.5**progress.attempt
        images = self._place(next(batches))
        live = progress.step < current.phase.live_share * steps
        values = current.train_on(images, step=progress.step, rate=rate, live=live)
        progress.step += 1
        progress.device_seconds += (time.perf_counter() - start) * world_size()
        progress.cpu_seconds += (time.process_time() - cpu_start) * world_size()
        if logger and (progress.step % _LOG_EVERY == 0 or progress.step == steps):
            logger.add({**self._row(rate), **values})
        return values["loss"]

    def _row(self, rate: float) -> dict[str, float | int | str]:
        return {
            "block": self._phase.block,
            "attempt": self.progress.attempt,
            "phase": self._phase.name,
            "step": self.progress.step,
            "global_step": self._global_step(),
            "rate": rate,
        }

    def _finish_phase(self) -> None:
        current, progress = self._state, self.progress
        if current is None:
            raise RuntimeError("no phase has started")
        current.finish()
        held_out = list(self._held_out())
        report = {
            "phase": self._phase.name,
            "block": self._phase.block,
            "attempts": progress.attempt + 1,
            **progress.phase_cost(),
            **current.phase.examine(held_out),
        }
        progress.reports.append(report)
        if is_writer():
            _print_report(report)
            sheet = current.phase.draw_sheet(torch.cat(held_out)[:_SHEET_PHOTOS])
            if sheet is not None:
                name = str(self._phase).replace(" ", "_")
                save_contact_sheet(self.run.folder / f"{name}.png", sheet)
        progress.phase += 1
        progress.attempt = 0
        progress.finished = datetime.now(UTC).isoformat(timespec="seconds")
        self._end_phase()

    def _restart(self, reason: str) -> None:
        progress, current = self.progress, self._state
        message = f"{self._phase} collapsed: {reason}"
        progress.attempt += 1
        if progress.attempt >= self.run.recipe.max_attempts:
            raise CollapsedTrainingError(
                f"{message}; gave up after {progress.attempt} attempts; train again with more "
                "steps, lower rates or another seed"
            )
        if is_writer():
            tqdm.write(f"{message}; restarting it with another seed and half the rate")
        if current is not None:
            if current.start:
                surround_like(self.run.network, current.start)
                self.run.network.load_state_dict(current.start)
            current.phase.redraw(self.run.draw(self.run.recipe.seed + 1000 * progress.attempt))
        self._end_phase()

    def _start_phase(self) -> PhaseState:
        progress = self.progress
        phase = self.run.create_phase(self._phase)
        start: dict[str, Tensor] = {}
        if not progress.step:
            if phase.keeps_start:
                start = {n: t.clone() for n, t in self.run.network.state_dict().items()}
            phase.prepare([self._calibration_batch(i) for i in range(phase.calibration_batches)])
        decay = self.run.average.get(self._phase.name, 0.0)
        self._state = start_phase(phase, decay=decay, start=start)
        return self._state

    def _end_phase(self) -> None:
        self._state = None
        self.progress.step = 0
        self.progress.scales = {}
        self.run.network.eval().requires_grad_(False)

    def _save(self) -> None:
        if not is_writer():
            return
        state = dict(self.run.network.state_dict())
        current = self._state
        if current is not None:
            state |= current.state()
            self.progress.scales = dict(current.phase.scales)
        save_checkpoint(
            self._checkpoint, self.progress, state, fingerprint=dict(self.run.fingerprint)
        )

    def _global_step(self) -> int:
        before = sum(each.schedule.steps for each in self.phases[: self.progress.phase])
        return before + self.progress.step

    def _batches(self) -> Generator[Tensor]:
        """Draw this process's part of the remaining batches of the phase."""
        progress, steps = self.progress, self._phase.schedule.steps
        left = range(progress.step, steps)
        keys = [(progress.phase, progress.attempt, step + _FIRST_STEP) for step in left]
        return prefetch(self._draw_own, keys, enabled=self.device.type != "cpu")

    def _calibration_batch(self, index: int) -> Tensor:
        """Draw crops that no step uses, the same in all processes."""
        below = _FIRST_STEP - 1 - index
        number = (below,) if below >= 0 else (-below, 1)
        key = (self.progress.phase, self.progress.attempt, *number)
        return self._place(self._draw(key, whole=True))

    def _draw_own(self, key: Key) -> Tensor:
        return self._draw(key, whole=False)

    def _draw(self, key: Key, *, whole: bool) -> Tensor:
        phase = self.phases[key[0]]
        schedule = phase.schedule
        return self.run.photos.batch(
            key, size=schedule.batch, crop=schedule.crop, sampling=phase.sampling, whole=whole
        )

    def _place(self, images: Tensor) -> Tensor:
        return images.to(self.device, memory_format=torch.channels_last)

    def _held_out(self) -> Sequence[Tensor]:
        photos, schedule = self.run.photos, self._phase.schedule
        size = max(2, schedule.batch)
        crops = photos.centre_crops(photos.held_out, size=size, crop=schedule.crop)
        return [self._place(crop) for crop in crops]


def _print_report(report: Mapping[str, Any]) -> None:
    for tap, each in enumerate(report.get("taps", ()), start=1):
        tqdm.write(
            f"tap {tap}: R² {each['r2']:.3f} of {each['ceiling']:.3f}, {each['dead_channels']} dead"
        )
    if FLAT_COLOUR_ERROR in report:
        tqdm.write(f"flat saturated colours: largest error {report[FLAT_COLOUR_ERROR]:.3f}")
