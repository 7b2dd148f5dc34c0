"""Early stopping of trainings whose students others make hopeless: asynchronous successive halving.

A training is compared at a quarter and at half of its last phase with those of the same teacher and
recipe whose students need no more multiply-adds: it stops if its loss is above the median of those
that have come as far. A student that costs more and fits worse is unlikely to be on a front; one
that needs fewer than all others is never stopped, nor is the base of other trials. Trainings with
other seeds, which say how much results vary, are neither stopped nor compared.

Each training writes its losses into its own folder and reads those of the others in ``--work``, so
that it makes no difference in which processes or on which machines they run.

Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, by Ray
Tune's ``ASHAScheduler``. Departure: only students that cost no more are compared.
"""

import hashlib
import json
import math
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pcakd.costs import count_student
from pcakd.distillation.trainer import Step
from pcakd.errors import ConfigError, OutputError, PcakdError
from pcakd.students import Student
from pcakd.utils.extras import require_extra
from pcakd.utils.files import write_text

RUNGS = "rungs.json"
"""Name of the file of a training's losses at its rungs, in its folder."""

_STEPS = "rungs.csv"
"""Name of the file of the losses of all steps of the last phase; those of rungs are means."""

_FIRST_SHARE = 0.25
_REDUCTION = 2
_WINDOW_SHARE = 0.1  # of the steps of the phase: the loss at a rung is a mean over the last ones


class StoppedEarlyError(PcakdError):
    """A training was stopped because its student is unlikely to be on a front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rungs:
    """How a training did at its rungs.

    Attributes:
        name: Name of the trial.
        group: What trainings have in common that are compared.
        macs: Multiply-adds of the student for each content pixel.
        steps: Steps of the last phase.
        losses: Mean loss by rung, which is a step of the last phase.
    """

    name: str
    group: str
    macs: float
    steps: int
    losses: Mapping[int, float]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Rungs":
        """Read what :meth:`to_json` returned.

        Raises:
            KeyError: A field is missing.
            TypeError: There is another field.
            ValueError: A rung is no number.
        """
        losses = {int(step): float(loss) for step, loss in values["losses"].items()}
        return cls(**{**values, "losses": losses})


def name_group(recipe: Mapping[str, Any], *others: Any) -> str:
    """Return a hash of what trainings that are compared have in common.

    Args:
        recipe: The recipe; its seed does not count.
        others: JSON values, such as the teacher, the photographs and the code.
    """
    kept = [{key: value for key, value in recipe.items() if key != "seed"}, *others]
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def find_rungs(steps: int) -> tuple[int, ...]:
    """Return the steps of the last phase after which a training is compared with others."""
    first = math.ceil(_FIRST_SHARE * steps)
    return tuple(rung for rung in (first, _REDUCTION * first) if 0 < rung < steps)


def should_stop(own: Rungs, others: Iterable[Rungs]) -> bool:
    """Return whether a training stops at its last rung.

    Args:
        own: The training, with its loss at each rung so far.
        others: Trainings that have come to rungs before; those that are not compared are ignored.

    Raises:
        MissingExtraError: Ray Tune is not installed.
    """
    tune = require_extra("ray", "ray.tune.schedulers", "early stopping")
    scheduler = tune.ASHAScheduler(
        time_attr="step",
        metric="loss",
        mode="min",
        max_t=own.steps,
        grace_period=find_rungs(own.steps)[0],
        reduction_factor=_REDUCTION,
        stop_last_trials=False,
    )
    for each in others:
        if each.group == own.group and each.macs <= own.macs and each.name != own.name:
            _report(scheduler, each)
    return _report(scheduler, own)


def _report(scheduler: Any, training: Rungs) -> bool:
    """Report a training's rungs; return whether the scheduler stops it at the last one."""
    trial = SimpleNamespace(trial_id=training.name)
    scheduler.on_trial_add(None, trial)
    action = ""
    for step, loss in sorted(training.losses.items()):
        action = scheduler.on_trial_result(None, trial, {"step": step, "loss": loss})
    return action == "STOP"


def watch(rungs: Rungs, folder: Path, *, phase: str, stopping: bool) -> Callable[[Step], None]:
    """Return a function that a training calls after each step.

    Args:
        rungs: The training, without losses.
        folder: Its folder; those of other trainings lie beside it.
        phase: Name of its last phase.
        stopping: Whether it stops if it should; otherwise its losses are only written.
    """
    window = max(1, round(_WINDOW_SHARE * rungs.steps))
    places = find_rungs(rungs.steps)
    written: list[bool] = []
    by_step = _load_steps(folder / _STEPS)

    def on_step(step: Step) -> None:
        if step.phase != phase:
            return
        if not written:  # without a line that a kill has torn
            lines = [f"{number},{loss!r}\n" for number, loss in by_step.items()]
            write_text(folder / _STEPS, "".join(lines))
            written.append(True)
        by_step[step.number] = step.loss
        _append(folder / _STEPS, f"{step.number},{step.loss!r}\n")
        if step.number not in places:
            return
        if not isinstance(step.network, Student):
            raise TypeError("early stopping compares trainings of students")
        macs = float(count_student(step.network.spec).macs)
        reached = {p: _known(by_step, p, window) for p in places if p <= step.number}
        losses = {place: sum(known) / len(known) for place, known in reached.items() if known}
        own = replace(rungs, macs=macs, losses=losses)
        write_text(folder / RUNGS, json.dumps(own.to_json(), indent=1) + "\n")
        if stopping and should_stop(own, _load_others(folder)):
            raise StoppedEarlyError(
                f"stopped early after {step.number} of {rungs.steps} steps of the {phase} phase: "
                f"its loss of {own.losses[step.number]:.3f} is above the median of students that "
                "need no more multiply-adds"
            )

    return on_step


def _known(by_step: Mapping[int, float], place: int, window: int) -> list[float]:
    """Return the losses of the last steps before a rung; a lost machine may have lost some."""
    return [by_step[step] for step in range(place - window + 1, place + 1) if step in by_step]


def _load_steps(path: Path) -> dict[int, float]:
    """Read the losses of the steps of earlier sessions; of repeated steps the last ones count."""
    found: dict[int, float] = {}
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    for line in text.splitlines():
        step, _, loss = line.partition(",")
        with suppress(ValueError):  # a kill can tear the last line
            found[int(step)] = float(loss)
    return found


def _append(path: Path, line: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(line)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _load_others(folder: Path) -> list[Rungs]:
    """Read what other trainings have come to; files that cannot be read are skipped."""
    found = []
    for path in sorted(folder.parent.glob(f"*/{RUNGS}")):
        if path.parent != folder:
            try:
                other = load_rungs(path.parent)
            except ConfigError as error:
                sys.stderr.write(f"warning: {error}; it is not compared\n")
                continue
            found += [replace(other, name=path.parent.name)] if other else []
    return found


def load_rungs(folder: Path) -> Rungs | None:
    """Read a training's losses at its rungs; None if it has not come to one.

    Raises:
        ConfigError: The file is damaged.
    """
    path = folder / RUNGS
    try:
        return Rungs.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path} is damaged; delete it") from error


def replay(trainings: Sequence[Rungs], *, bases: Collection[str] = ()) -> dict[str, int | None]:
    """Return the rung at which each of several finished trainings would have stopped, or None.

    Args:
        trainings: They are taken one after another, in this order.
        bases: Names of those that are not stopped, because others are compared with them.

    Raises:
        MissingExtraError: Ray Tune is not installed.
    """
    seen: list[Rungs] = []
    stops: dict[str, int | None] = {}
    for each in trainings:
        stops[each.name], reached = None, replace(each, losses={})
        for step, loss in sorted(each.losses.items()):
            reached = replace(each, losses={**reached.losses, step: loss})
            if each.name not in bases and should_stop(reached, seen):
                stops[each.name] = step
                break
        seen.append(reached)
    return stops
