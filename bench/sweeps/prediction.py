"""What the trainings of a sweep will take, from a few measured steps of some of them."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.sweeps.architectures import find_architecture
from bench.sweeps.training import Training
from pcakd.costs import count_student
from pcakd.distillation.config import DistillConfig
from pcakd.distillation.phases.stylization import OPTIONAL_LOSSES
from pcakd.distillation.recipe import Recipe
from pcakd.distillation.run import distill
from pcakd.students import load_student

_STEPS = 4  # of each phase that are timed; the first one also warms up
_SECONDS_PER_MINUTE = 60.0

Kind = tuple[Any, ...]
"""What trainings have in common that take alike for students of one size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedTraining:
    """What the steps of a training took.

    Attributes:
        kind: The kind of training.
        macs: Multiply-adds of the student for each content pixel.
        seconds: Seconds by phase for each pixel of a step's crops: CPU time on a CPU, otherwise
            time.
    """

    kind: Kind
    macs: float
    seconds: Mapping[str, float]


def describe_kind(config: DistillConfig) -> Kind:
    """Return what the time of a step depends on beside the student's size.

    This is the backbone with its weights, the architecture, the start, the backbones of the
    perceptual losses, the transform, and the losses that are computed only if they have a weight.
    """
    weights, start = (each and str(each) for each in (config.weights, config.start))
    own = config.architecture, start, config.low_rank
    recipe = config.settings
    losses = [name for name in OPTIONAL_LOSSES if getattr(recipe.weights, name)]
    return config.backbone, weights, *own, recipe.perceptual, recipe.transform, *losses


def time_trainings(trainings: Iterable[Training]) -> list[TimedTraining]:
    """Train some students for a few steps, with crops and batches of their recipes.

    Of each kind, these are the smallest and the largest student, by their ranks, or where these
    come from photographs, by the share of the variance that they keep.

    Raises:
        PcakdError: A training cannot be started.
    """
    by_kind: dict[Kind, list[Training]] = {}
    for training in trainings:
        by_kind.setdefault(describe_kind(training.config), []).append(training)
    timed = []
    for kind, members in by_kind.items():
        sized = [each for each in members if find_ranks(each.config)] or members
        chosen = {_size(each): each for each in (min(sized, key=_size), max(sized, key=_size))}
        timed += [_time(kind, training) for training in chosen.values()]
    return timed


def predict_minutes(
    training: Training,
    steps: Sequence[int],
    timed: Sequence[TimedTraining],
    macs: float | None,
) -> float | None:
    """Return what steps of a training take: core-minutes on a CPU, otherwise minutes.

    None without a timed training of its kind.

    The time for each pixel is affine in the student's multiply-adds where two sizes are known.

    Args:
        training: The training.
        steps: Steps of each phase.
        timed: Timed trainings.
        macs: Multiply-adds of the student for each content pixel; None if they are not known.
    """
    alike = [each for each in timed if each.kind == describe_kind(training.config)]
    if not alike:
        return None
    total = 0.0
    for phase, count in zip(training.config.training.phases(), steps, strict=True):
        points = [(each.macs, each.seconds[phase.name]) for each in alike]
        schedule = phase.schedule
        total += _at(points, macs) * count * schedule.batch * schedule.crop**2
    return total / _SECONDS_PER_MINUTE


def find_ranks(config: DistillConfig) -> tuple[int, ...] | None:
    """Return the ranks of a student; None if they come from photographs."""
    if config.start is not None:
        return load_student(config.start).spec.ranks
    return config.rank_rule.ranks


def count_macs(training: Training) -> float | None:
    """Return the multiply-adds of the student for each content pixel; None without ranks."""
    config = training.config
    ranks = find_ranks(config)
    return float(count_student(find_architecture(config, ranks)).macs) if ranks else None


def _at(points: Sequence[tuple[float, float]], macs: float | None) -> float:
    sizes, seconds = (np.asarray(values) for values in zip(*points, strict=True))
    if macs is None or len({*sizes}) == 1:
        return float(np.median(seconds))
    slope, constant = np.polyfit(sizes, seconds, 1)
    return float(max(slope * macs + constant, min(seconds) / 2))


def _size(training: Training) -> float:
    """Order students of one kind."""
    rule = training.config.rank_rule
    return float(sum(find_ranks(training.config) or ()) or rule.mcev or rule.explained or 0)


def _time(kind: Kind, training: Training) -> TimedTraining:
    recipe = _shorten(training.config.settings)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        config = replace(
            training.config,
            output=Path(folder) / "timed",
            recipe=recipe,
            resume=False,
            smoke=True,
            shared=None,
        )
        student, card = distill(config)
    name = "cpu_seconds" if card["device"].startswith("cpu") else "device_seconds"
    seconds = {}
    for phase, report in zip(config.training.phases(), card["phases"], strict=True):
        schedule = phase.schedule
        pixels = report["attempts"] * schedule.steps * schedule.batch * schedule.crop**2
        seconds[phase.name] = report[name] / pixels
    return TimedTraining(kind=kind, macs=float(count_student(student.spec).macs), seconds=seconds)


def _shorten(recipe: Recipe) -> Recipe:
    phases: dict[str, Any] = {
        phase.name: replace(phase.schedule, steps=_STEPS) for phase in recipe.phases()
    }
    return replace(recipe, **phases, basis_images=4, held_out=2)
