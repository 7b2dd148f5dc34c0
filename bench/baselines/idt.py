"""Iterative distribution transfer: matches the whole colour distribution, axis by axis."""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bench.baselines.regrain import regrain

ITERATIONS = 20
BINS = 300
_SEED = 0
_FLAT = 1e-4  # a content that varies less along an axis is constant there up to rounding
_EMPTY = 1e-6  # share of the pixels that is added to each bin, so that none is empty


@torch.inference_mode()
def transfer_idt(
    content: Float[Tensor, "3 h w"], style: Float[Tensor, "3 h2 w2"]
) -> Float[Tensor, "3 h w"]:
    """Give the content the style's distribution of colours.

    Args:
        content: RGB in [0, 1].
        style: RGB in [0, 1], of any size.

    Returns:
        RGB clipped to [0, 1], of the size of the content.

    Source: Pitié, Kokaram and Dahyot, "N-dimensional probability density function transfer and its
        application to colour transfer", ICCV 2005, and "Automated colour grading using colour
        distribution transfer", CVIU 2007. Each iteration rotates the colours, transports each
        rotated axis to the style's distribution along it (from histograms of 300 bins, as in the
        authors' code) and rotates back. Departures: 20 iterations use the identity and then random
        rotations of a fixed seed, where the authors optimise the rotations; values are interpolated
        within bins; an axis along which the content is constant is shifted to the style's mean; the
        result is clipped.
    """
    return match_distribution(content, style).clamp_(0.0, 1.0)


@torch.inference_mode()
def transfer_idt_regrain(
    content: Float[Tensor, "3 h w"], style: Float[Tensor, "3 h2 w2"]
) -> Float[Tensor, "3 h w"]:
    """Give the content the style's distribution of colours and keep its own gradients.

    Args:
        content: RGB in [0, 1].
        style: RGB in [0, 1], of any size.

    Returns:
        RGB clipped to [0, 1], of the size of the content.

    Source: `transfer_idt` without clipping, and `bench.baselines.regrain.regrain` of its result
        (CVIU 2007, section 5).
    """
    return regrain(content, match_distribution(content, style)).clamp_(0.0, 1.0)


def match_distribution(
    content: Float[Tensor, "3 h w"],
    style: Float[Tensor, "3 h2 w2"],
    *,
    iterations: int = ITERATIONS,
    bins: int = BINS,
) -> Float[Tensor, "3 h w"]:
    """Transport the content's colours to the style's distribution; colours may leave [0, 1].

    Args:
        content: The image to recolour; it is not changed.
        style: The image with the wanted colours.
        iterations: Number of rotations; more give a closer match.
        bins: Bins of each histogram.
    """
    colours, goals = content.flatten(1).clone(), style.flatten(1)
    for axis in _axes(iterations):
        direction = content.new_tensor(axis)
        change = _transport_change(direction @ colours, direction @ goals, bins)
        for channel, share in zip(colours, axis, strict=True):
            channel.add_(change, alpha=share)
    return colours.view_as(content)


@cache
def _axes(iterations: int) -> tuple[tuple[float, ...], ...]:
    """Return the axes of all rotations: RGB first, then random ones of a fixed seed.

    The axes of one rotation are orthogonal. Moving colours along one axis does not change their
    coordinates on the others, so the axes can be transported one after the other.
    """
    generator = np.random.default_rng(_SEED)
    axes = [*np.eye(3)]
    for _ in range(iterations - 1):
        orthonormal, triangle = np.linalg.qr(generator.standard_normal((3, 3)))
        axes += [*(orthonormal * np.sign(np.diag(triangle))).T]
    return tuple(tuple(axis.tolist()) for axis in axes)


def _transport_change(
    values: Float[Tensor, " n"], goals: Float[Tensor, " m"], bins: int
) -> Float[Tensor, " n"]:
    """Return the offsets that give ``values`` the distribution of ``goals``."""
    least, most = torch.aminmax(values)
    goal_least, goal_most = torch.aminmax(goals)
    start = torch.minimum(least, goal_least)
    width = (torch.maximum(most, goal_most) - start).clamp_min(_FLAT) / bins
    places, bin_of = _locate(values, start, width, bins)
    shares, goal_shares = (
        _cumulate(each, bins) for each in (bin_of, _locate(goals, start, width, bins)[1])
    )
    # the new position of each bin edge, within the range of the goals, and its move, both in bins
    edges = _invert(goal_shares, shares)
    edges = edges.clamp((goal_least - start) / width, (goal_most - start) / width)
    moves = edges - torch.arange(bins + 1, device=values.device)
    flat = most - least <= _FLAT
    shift = goals.mean() - values.mean()
    offsets = torch.where(flat, shift, moves[:-1] * width).to(values)
    slopes = torch.where(flat, 0.0, moves.diff() * width).to(values)
    return places.sub_(bin_of).mul_(slopes[bin_of]).add_(offsets[bin_of])


def _locate(
    values: Float[Tensor, " n"], start: Tensor, width: Tensor, bins: int
) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
    """Return the position of each value, in bins from the start, and its bin."""
    places = values.sub(start).div_(width)
    return places, places.long().clamp_(0, bins - 1)


def _cumulate(bin_of: Int[Tensor, " n"], bins: int) -> Float[Tensor, " bins+1"]:
    """Return the share of the values below each bin edge; it is strictly increasing."""
    counts = torch.bincount(bin_of, minlength=bins).double()
    shares = (counts / bin_of.shape[0] + _EMPTY / bins).cumsum(0)
    return torch.cat([shares.new_zeros(1), shares / shares[-1]])


def _invert(
    shares: Float[Tensor, " bins+1"], wanted: Float[Tensor, " bins+1"]
) -> Float[Tensor, " bins+1"]:
    """Return the position, in bins, at which each wanted share is reached."""
    above = torch.searchsorted(shares, wanted).clamp_(1, shares.shape[0] - 1)
    low, high = shares[above - 1], shares[above]
    return above - 1 + (wanted - low) / (high - low)
