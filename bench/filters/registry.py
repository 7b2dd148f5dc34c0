"""The filters by name: how each runs, and how its operators are counted."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

from bench.filters.guided_reference import plain_guided_filter
from bench.filters.matting import SETTINGS, smooth_by_matting
from pcakd.filters import EPSILON, RADIUS, guided_filter
from pcakd.utils.extras import Extra
from pcakd.utils.registry import Registry

Apply: TypeAlias = Callable[
    [Float[Tensor, "3 h w"], Float[Tensor, "3 h w"]], Float[Tensor, "3 h w"]
]
"""From an image and its guide to the filtered image, all RGB in [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter that can end a subject.

    Attributes:
        apply: Filters an image with the content as guide.
        countable: The same in operators that can be counted.
        settings: What distinguishes it, for the hash of a subject.
        extra: The optional dependencies that it needs; None if there are none.
    """

    apply: Apply
    countable: Apply
    settings: str
    extra: Extra | None = None


def _guided(radius: int, epsilon: float) -> Filter:
    return Filter(
        apply=partial(guided_filter, radius=radius, epsilon=epsilon),
        countable=partial(plain_guided_filter, radius=radius, epsilon=epsilon),
        settings=f"{radius} {epsilon}",
        extra="filter",
    )


FILTERS: Registry[Filter] = Registry("filter")
FILTERS.register("guided", _guided(RADIUS, EPSILON))
FILTERS.register(
    "matting", Filter(apply=smooth_by_matting, countable=smooth_by_matting, settings=SETTINGS)
)
FILTERS.register("matting-fast", _guided(35, 0.001 / 255.0**2))  # 0.001 on 8-bit values
