"""The kinds of measurement. To add one, write its module and add a line here. No torch."""

from bench.run import breakdown, contention, cost, largest_image, quality, speed_ratio
from bench.run.context import Measurement

MEASUREMENTS: tuple[Measurement, ...] = (
    cost.MEASUREMENT,
    contention.MEASUREMENT,
    speed_ratio.MEASUREMENT,
    breakdown.MEASUREMENT,
    largest_image.MEASUREMENT,
    quality.QUALITY,
    quality.CURVE,
)
"""In the order in which a run takes them."""

NAMES = tuple(each.name for each in MEASUREMENTS)
