"""Whether a phase has learnt anything: R² against its ceiling, dead channels, lost images."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from torch import Tensor

from pcakd.distillation.context import Setting
from pcakd.distillation.evaluation import TapReport, evaluate_taps
from pcakd.distillation.recipe import Recipe

LOST_IMAGE = 0.5
"""A decoder that leaves this share of the image's variance as error has collapsed."""


class CollapseError(Exception):
    """A phase went wrong and is to be restarted; the text says how."""


def require_life(reports: Sequence[TapReport], recipe: Recipe) -> None:
    """Check that taps carry something of their teacher.

    Raises:
        CollapseError: R² is too far below its ceiling, or too many channels are dead.
    """
    for tap, report in enumerate(reports, start=1):
        if not report.r2 >= recipe.min_r2_share * report.ceiling:  # NaN has collapsed too
            raise CollapseError(
                f"tap {tap} has an R² of {report.r2:.3f} under a ceiling of {report.ceiling:.3f}"
            )
        if report.dead_channels > recipe.max_dead_share * report.channels:
            raise CollapseError(
                f"{report.dead_channels} of {report.channels} channels of tap {tap} are dead"
            )


def examine_taps(
    setting: Setting, recipe: Recipe, batches: Sequence[Tensor]
) -> list[dict[str, Any]]:
    """Report R², its ceiling and dead channels of each tap.

    Raises:
        CollapseError: As `require_life` does.
    """
    bases = [each.basis for each in setting.eigenbases]
    reports = evaluate_taps(setting.student, setting.check_teacher, bases, batches)
    require_life(reports, recipe)
    return [asdict(each) for each in reports]


def require_image(loss: float) -> None:
    """Check that a decoder gives back something of the image.

    Args:
        loss: Its error as a share of the image's variance.

    Raises:
        CollapseError: It is too large.
    """
    if not loss < LOST_IMAGE:
        raise CollapseError(f"the image loss is {loss:.3f} of the image's variance")
