"""Health checks at the end of a phase: R² of the taps, dead channels, reconstruction error."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from typing import Any

from torch import Tensor
from tqdm import tqdm

from pcakd.distillation.context import TrainingContext
from pcakd.distillation.evaluation import TapReport, evaluate_taps
from pcakd.distillation.parallel import is_writer
from pcakd.distillation.recipe import Recipe

MAX_RECONSTRUCTION_LOSS = 0.5
"""A decoder with a larger error, as a share of the images' variance, has collapsed."""


_warns: ContextVar[bool] = ContextVar("warns", default=False)


class CollapseError(Exception):
    """A phase failed its health check or diverged and must restart; the text gives the reason."""


@contextmanager
def only_warn() -> Iterator[None]:
    """Let failed checks print a warning until the block ends; a loss that diverges still fails."""
    token = _warns.set(True)
    try:
        yield
    finally:
        _warns.reset(token)


def _fail(reason: str) -> None:
    """Raise a `CollapseError`, or print a warning within `only_warn`."""
    if not _warns.get():
        raise CollapseError(reason)
    if is_writer():
        tqdm.write(f"warning: {reason}")


def require_healthy(reports: Sequence[TapReport], recipe: Recipe) -> None:
    """Check R² and dead channels of taps.

    Raises:
        CollapseError: R² is too far below its ceiling, or too many channels are dead.
    """
    for tap, report in enumerate(reports, start=1):
        if not report.r2 >= recipe.min_r2_share * report.ceiling:  # NaN has collapsed too
            _fail(f"tap {tap} has an R² of {report.r2:.3f} under a ceiling of {report.ceiling:.3f}")
        if report.dead_channels > recipe.max_dead_share * report.channels:
            _fail(f"{report.dead_channels} of {report.channels} channels of tap {tap} are dead")


def examine_taps(
    context: TrainingContext, recipe: Recipe, batches: Sequence[Tensor]
) -> list[dict[str, Any]]:
    """Return R², its ceiling and the number of dead channels of each tap.

    Raises:
        CollapseError: A tap fails :func:`require_healthy`.
    """
    bases = [each.basis for each in context.eigenbases]
    reports = evaluate_taps(context.student, context.check_teacher, bases, batches)
    require_healthy(reports, recipe)
    return [asdict(each) for each in reports]


def require_reconstruction(loss: float) -> None:
    """Check the reconstruction loss of a decoder.

    Args:
        loss: Reconstruction error as a share of the images' variance.

    Raises:
        CollapseError: It is too large.
    """
    if not loss < MAX_RECONSTRUCTION_LOSS:
        _fail(f"the reconstruction loss is {loss:.3f} of the images' variance")
