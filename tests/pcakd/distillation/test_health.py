"""Health checks: the limits of a collapse."""

import math
from dataclasses import replace

import pytest
from tiny_distillation import RECIPE

from pcakd.distillation.evaluation import TapReport
from pcakd.distillation.health import CollapseError, require_healthy, require_reconstruction

pytestmark = pytest.mark.numerics


SOUND = TapReport(r2=0.3, ceiling=0.9, dead_channels=1, channels=4)
RULES = replace(RECIPE, min_r2_share=0.1, max_dead_share=0.25)


def test_a_tap_within_the_limits_is_healthy():
    require_healthy([SOUND, replace(SOUND, r2=0.0901)], RULES)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"r2": 0.0899}, r"tap 2 has an R² of 0\.090 under a ceiling of 0\.900"),
        ({"r2": math.nan}, "tap 2 has an R² of nan"),
        ({"dead_channels": 2}, "2 of 4 channels of tap 2 are dead"),
    ],
)
def test_a_tap_beyond_them_has_collapsed(changes, reason):
    with pytest.raises(CollapseError, match=reason):
        require_healthy([SOUND, replace(SOUND, **changes)], RULES)


def test_a_reconstruction_error_of_half_the_variance_is_a_collapse():
    require_reconstruction(0.499)
    for loss in (0.5, math.nan):
        with pytest.raises(CollapseError, match="the reconstruction loss is"):
            require_reconstruction(loss)
