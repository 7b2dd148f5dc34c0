"""How far the colours of two images differ: sliced Wasserstein distance, histogram correlation."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

import cv2
import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import wasserstein_distance
from skimage.color import rgb2lab
from torch import Tensor

from bench.quality.protocol import (
    histogram_correlation_protocol as write_histogram_protocol,
)
from bench.quality.protocol import (
    sliced_wasserstein_protocol as write_wasserstein_protocol,
)

DIRECTIONS = 64
"""Directions in CIELAB on which colours are projected; 512 give values about 0.5 % higher."""

BINS = 4096
"""Bins of a projection, each 0.08 wide. Eight times as many change a photograph's distance by less
than 0.001."""

SPAN = 160.0
"""Projections lie in [-160, 160]: no colour of sRGB is farther than 150 from black."""

LEVELS = 256
"""Bins of a histogram of a colour channel."""

_STRIP_PIXELS = 2**20  # a strip in CIELAB and its projections together need 0.3 GiB


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourCounts:
    """The colours of an image, counted.

    Attributes:
        projections: Pixels by direction and bin.
        histograms: Pixels by channel and level.
    """

    projections: Float[Tensor, "directions bins"]
    histograms: Float[Tensor, "3 levels"]


def sliced_wasserstein_protocol(size: str) -> str:
    """Return the protocol id of `sliced_wasserstein` for a `describe_size`."""
    versions = f"scipy {version('scipy')}, scikit-image {version('scikit-image')}"
    return write_wasserstein_protocol(DIRECTIONS, BINS, SPAN, versions, size)


def histogram_correlation_protocol(size: str) -> str:
    """Return the protocol id of `histogram_correlation` for a `describe_size`."""
    return write_histogram_protocol(LEVELS, size)


def count_colours(image: Float[Tensor, "1 3 h w"]) -> ColourCounts:
    """Count the colours of an RGB image in [0, 1]; the counts are float64 on the CPU.

    Large images are processed in strips of rows. Counts add up, so the result does not depend on
    the strips.
    """
    directions = fibonacci_directions(DIRECTIONS)
    projections = torch.zeros(DIRECTIONS, BINS, dtype=torch.float64)
    histograms = torch.zeros(3, LEVELS, dtype=torch.float64)
    for strip in _strips(image):
        lab = rgb2lab(strip.numpy(), channel_axis=0)
        projected = directions @ torch.from_numpy(np.ascontiguousarray(lab)).flatten(1).float()
        for row, values in enumerate(projected):
            projections[row] += torch.histc(values, BINS, -SPAN, SPAN)
        for channel, values in enumerate(strip.flatten(1)):
            histograms[channel] += torch.histc(values, LEVELS, 0.0, 1.0)
    return ColourCounts(projections=projections, histograms=histograms)


def sliced_wasserstein(counts: ColourCounts, other: ColourCounts) -> float:
    """Return the sliced Wasserstein-1 distance of two images' colours in CIELAB; 0 for equal ones.

    It is the mean over directions of the distance between the projected colours, in units of L*:
    how far the average pixel's colour has to move along a direction. The images may have different
    sizes.

    Source: Bonneel et al., "Sliced and Radon Wasserstein Barycenters of Measures", 2015, eq. 8,
    with the exponent 1. Departures: the directions are a lattice, not random, and projections are
    counted in bins. POT keeps and sorts them all: 17 GB an image at 8K.
    """
    width = 2 * SPAN / BINS
    centres = (np.arange(BINS) + 0.5) * width - SPAN
    distances = [
        wasserstein_distance(centres, centres, ours.numpy(), theirs.numpy())
        for ours, theirs in zip(counts.projections, other.projections, strict=True)
    ]
    return float(np.mean(distances))


def histogram_correlation(counts: ColourCounts, other: ColourCounts) -> float:
    """Return the correlation of two images' histograms in [-1, 1], mean over the channels.

    It compares numbers of pixels level by level. Colours that are off by one level count as much
    as distant ones, so it rewards equal shapes of histograms rather than near colours.
    """
    ours, theirs = (each.histograms.float().numpy() for each in (counts, other))
    channels = [
        cv2.compareHist(a, b, cv2.HISTCMP_CORREL) for a, b in zip(ours, theirs, strict=True)
    ]
    return float(np.mean(channels))


def fibonacci_directions(count: int) -> Float[Tensor, "count 3"]:
    """Return unit vectors, evenly spread over a hemisphere.

    Opposite directions give the same distance, so a hemisphere is enough.

    Source: Swinbank and Purser, "Fibonacci grids", 2006.
    """
    golden = (1 + math.sqrt(5)) / 2
    steps = torch.arange(count, dtype=torch.float64)
    height = (steps + 0.5) / count
    angle = 2 * math.pi * steps / golden
    radius = (1 - height.square()).sqrt()
    return torch.stack((height, radius * angle.cos(), radius * angle.sin()), dim=1).float()


def _strips(image: Float[Tensor, "1 3 h w"]) -> Iterator[Float[Tensor, "3 rows w"]]:
    """Yield strips of rows, float32 on the CPU, with values in [0, 1]."""
    rows = max(1, _STRIP_PIXELS // image.shape[-1])
    for top in range(0, image.shape[-2], rows):
        yield image[0, :, top : top + rows].detach().cpu().float().clamp(0.0, 1.0)
