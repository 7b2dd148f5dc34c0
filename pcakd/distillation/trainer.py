"""The training loop: leg after leg, with checkpoints, restarts and a check of each result."""

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
from pcakd.distillation.phase_state import OpenLeg, network_weights, open_leg
from pcakd.distillation.phases import Phase
from pcakd.distillation.run_files.checkpoint import (
    CHECKPOINT,
    Progress,
    load_checkpoint,
    save_checkpoint,
)
from pcakd.distillation.run_files.logger import Journal, save_contact_sheet
from pcakd.distillation.run_files.session import describe_session
from pcakd.distillation.schedule import Leg
from pcakd.errors import CollapsedTrainingError, TrainingError

_CHECKPOINT_EVERY = 100
_LOG_EVERY = 20
_FIRST_STEP = 4  # numbers below draw calibration crops
_SHEET_PHOTOS = 6


class TrainingRecipe(Protocol):
    """What the trainer needs to know of a recipe."""

    @property
    def max_attempts(self) -> int:
        """Attempts at a leg before the run gives up."""

    @property
    def seed(self) -> int:
        """Of fresh weights."""

    def legs(self) -> tuple[Leg, ...]:
        """Return what the network goes through."""

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a training run is made of.

    Attributes:
        recipe: All settings.
        network: What is trained, in place.
        create_phase: Makes the phase of a leg.
        draw: Makes a network like the one in training with other random weights, from a seed.
        photos: Training crops.
        folder: Where checkpoints, logs and sheets go.
        fingerprint: What must be the same when the run is resumed.
        average: Decay of the average of weights by the leg's phase; absent ones are not averaged.
    """

    recipe: TrainingRecipe
    network: Autoencoder
    create_phase: Callable[[Leg], Phase]
    draw: Callable[[int], Autoencoder]
    photos: Photos
    folder: Path
    fingerprint: Mapping[str, Any]
    average: Mapping[str, float]


class Trainer:
    """Trains a student or another autoencoder, from the start or a checkpoint.

    Args:
        run: What to train, on what, and where to.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.progress = Progress()
        self.legs = run.recipe.legs()
        self.device = next(run.network.parameters()).device
        self._checkpoint = run.folder / CHECKPOINT
        self._open: OpenLeg | None = None

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
        weights = network_weights(state)
        surround_like(self.run.network, weights)
        leg = self._open_leg() if self.progress.step else None
        try:
            if leg is not None:
                leg.phase.scales.update(self.progress.scales)
                leg.load(state)
            self.run.network.load_state_dict(weights)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, KeyError) as cause:  # a weight or an average is missing or misshapen
            raise TrainingError(
                f"{self._checkpoint} is damaged; delete it to start over"
            ) from cause

    def train(self) -> None:
        """Train what is left, leg by leg; restart a leg that collapses.

        Raises:
            CollapsedTrainingError: A leg collapsed as often as the recipe allows.
        """
        self._note_session()
        if not is_writer():
            self._train(None)
            return
        position = self.progress.leg, self.progress.attempt, self._global_step()
        with Journal(self.run.folder, legs=self.legs, position=position) as journal:
            self._train(journal)

    def _note_session(self) -> None:
        progress, session = self.progress, describe_session(self.device)
        unfinished = progress.leg < len(self.legs)
        if not progress.sessions or (unfinished and session != progress.sessions[-1]):
            progress.sessions.append(session)

    def _train(self, journal: Journal | None) -> None:
        while self.progress.leg < len(self.legs):
            try:
                self._train_leg(journal)
                self._finish_leg()
            except CollapseError as collapse:
                self._restart(str(collapse))
            self._save()
        wait_for_all()

    @property
    def _leg(self) -> Leg:
        return self.legs[self.progress.leg]

    def _train_leg(self, journal: Journal | None) -> None:
        progress, steps = self.progress, self._leg.schedule.steps
        leg = self._open or self._open_leg()
        quiet = not is_writer()
        with (
            tqdm(
                total=steps, initial=progress.step, desc=str(self._leg), unit="step", disable=quiet
            ) as bar,
            closing(self._batches()) as batches,
        ):
            while progress.step < steps:
                loss = self._step(leg, batches, journal)
                bar.update()
                bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
                if progress.step % _CHECKPOINT_EVERY == 0 and progress.step < steps:
                    self._save()

    def _step(self, leg: OpenLeg, batches: Iterator[Tensor], journal: Journal | None) -> float:
        progress, steps = self.progress, self._leg.schedule.steps
        start, cpu_start = time.perf_counter(), time.process_time()
        rate = self._leg.schedule.rate_at(progress.step) * 0.5**progress.attempt
        images = self._place(next(batches))
        live = progress.step < leg.phase.live_share * steps
        values = leg.train_on(images, step=progress.step, rate=rate, live=live)
        progress.step += 1
        progress.device_seconds += (time.perf_counter() - start) * world_size()
        progress.cpu_seconds += (time.process_time() - cpu_start) * world_size()
        if journal and (progress.step % _LOG_EVERY == 0 or progress.step == steps):
            journal.add({**self._row(rate), **values})
        return values["loss"]

    def _row(self, rate: float) -> dict[str, float | int | str]:
        return {
            "block": self._leg.block,
            "attempt": self.progress.attempt,
            "phase": self._leg.phase,
            "step": self.progress.step,
            "global_step": self._global_step(),
            "rate": rate,
        }

    def _finish_leg(self) -> None:
        leg, progress = self._open, self.progress
        if leg is None:
            raise RuntimeError("no leg is open")
        if leg.average is not None:
            leg.average.apply()
        leg.phase.finish()
        held_out = list(self._held_out())
        report = {
            "phase": self._leg.phase,
            "block": self._leg.block,
            "attempts": progress.attempt + 1,
            **leg.phase.examine(held_out),
        }
        progress.reports.append(report)
        if is_writer():
            _tell_taps(report)
            sheet = leg.phase.draw_sheet(torch.cat(held_out)[:_SHEET_PHOTOS])
            if sheet is not None:
                name = str(self._leg).replace(" ", "_")
                save_contact_sheet(self.run.folder / f"{name}.png", sheet)
        progress.leg += 1
        progress.attempt = 0
        progress.finished = datetime.now(UTC).isoformat(timespec="seconds")
        self._close_leg()

    def _restart(self, reason: str) -> None:
        progress, leg = self.progress, self._open
        message = f"{self._leg} collapsed: {reason}"
        progress.attempt += 1
        if progress.attempt >= self.run.recipe.max_attempts:
            raise CollapsedTrainingError(
                f"{message}; gave up after {progress.attempt} attempts; start anew with more "
                "steps, lower rates or another --seed"
            )
        if is_writer():
            tqdm.write(f"{message}; restarting it with another seed and half the rate")
        if leg is not None:
            if leg.start:
                surround_like(self.run.network, leg.start)
                self.run.network.load_state_dict(leg.start)
            leg.phase.redraw(self.run.draw(self.run.recipe.seed + 1000 * progress.attempt))
        self._close_leg()

    def _open_leg(self) -> OpenLeg:
        progress = self.progress
        phase = self.run.create_phase(self._leg)
        start: dict[str, Tensor] = {}
        if not progress.step:
            if phase.keeps_start:
                start = {n: t.clone() for n, t in self.run.network.state_dict().items()}
            phase.prepare([self._calibration_batch(i) for i in range(phase.calibration_batches)])
        decay = self.run.average.get(self._leg.phase, 0.0)
        self._open = open_leg(phase, decay=decay, start=start)
        return self._open

    def _close_leg(self) -> None:
        self._open = None
        self.progress.step = 0
        self.progress.scales = {}
        self.run.network.eval().requires_grad_(False)

    def _save(self) -> None:
        if not is_writer():
            return
        state = dict(self.run.network.state_dict())
        leg = self._open
        if leg is not None:
            state |= leg.state()
            self.progress.scales = dict(leg.phase.scales)
        save_checkpoint(
            self._checkpoint, self.progress, state, fingerprint=dict(self.run.fingerprint)
        )

    def _global_step(self) -> int:
        before = sum(leg.schedule.steps for leg in self.legs[: self.progress.leg])
        return before + self.progress.step

    def _batches(self) -> Generator[Tensor]:
        """Draw this process's part of the batches that are left of the leg."""
        progress, steps = self.progress, self._leg.schedule.steps
        left = range(progress.step, steps)
        keys = [(progress.leg, progress.attempt, step + _FIRST_STEP) for step in left]
        return prefetch(self._draw_own, keys, enabled=self.device.type != "cpu")

    def _calibration_batch(self, index: int) -> Tensor:
        """Draw crops that no step sees, the same in all processes."""
        below = _FIRST_STEP - 1 - index
        number = (below,) if below >= 0 else (-below, 1)
        key = (self.progress.leg, self.progress.attempt, *number)
        return self._place(self._draw(key, whole=True))

    def _draw_own(self, key: Key) -> Tensor:
        return self._draw(key, whole=False)

    def _draw(self, key: Key, *, whole: bool) -> Tensor:
        leg = self.legs[key[0]]
        schedule = leg.schedule
        return self.run.photos.batch(
            key, size=schedule.batch, crop=schedule.crop, sampling=leg.sampling, whole=whole
        )

    def _place(self, images: Tensor) -> Tensor:
        return images.to(self.device, memory_format=torch.channels_last)

    def _held_out(self) -> Sequence[Tensor]:
        photos, schedule = self.run.photos, self._leg.schedule
        size = max(2, schedule.batch)
        crops = photos.centre_crops(photos.held_out, size=size, crop=schedule.crop)
        return [self._place(crop) for crop in crops]


def _tell_taps(report: Mapping[str, Any]) -> None:
    for tap, each in enumerate(report.get("taps", ()), start=1):
        tqdm.write(
            f"tap {tap}: R² {each['r2']:.3f} of {each['ceiling']:.3f}, {each['dead_channels']} dead"
        )
