"""Counts of a student from its description, without building it.

Everything is counted for each pixel of the content, whose size is a multiple of the student's
stride; the style is as large as the content. A count of a whole student is the sum of those of its
four block pairs, and that of block pair b depends on the ranks of taps b - 1 and b alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from pcakd.blocks import Block, Conv, Stage
from pcakd.students import StudentSpec
from pcakd.students.spec import decoder_blocks, encoder_blocks

FLOAT_BYTES = 4
_COLOURS = 3
_IMAGES = 3  # content, style, and the content padded and laid out channels-last
_PROBE = 64  # the size of an axis that shows by how much a stage scales it
_BUFFER_BYTES = 8 << 20  # of tiles, for each thread: measured, in reports/cpu-students
_BLOCKS = (1, 2, 3, 4)

Number: TypeAlias = int | Fraction

TERMS = (
    "call",
    "pixels",
    "full_macs",
    "depthwise_macs",
    "pointwise_macs",
    "map_bytes",
    "covariance_macs",
    "eigh",
)
"""Terms that a latency is a sum of, each times a coefficient of the machine (`latency_terms`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Counts of a block pair or of a student.

    Attributes:
        num_params: Parameters: weights and biases of the convolutions.
        macs: Multiply-adds of the convolutions on the content path (encode and decode), for each
            pixel of the content.
        map_bytes: Bytes that the maps at the taps and the images move, for each pixel: a block
            reads its input and writes its output once (the maps between them stay in caches, see
            `pcakd.tiling`), a decoder block also reads its source, and statistics read a tap twice.
            Of both images, in float32.
        full_macs: Multiply-adds of full 3 × 3 convolutions of both images, for each pixel.
        depthwise_macs: Those of depthwise convolutions.
        pointwise_macs: Those of 1 × 1 convolutions.
        covariance_macs: Multiply-adds of the covariances of both images, for each pixel.
        eigh: k³ of the tap, summed: factorisations take a multiple of it at every image size.
    """

    num_params: int = 0
    macs: Number = 0
    map_bytes: Number = 0
    full_macs: Number = 0
    depthwise_macs: Number = 0
    pointwise_macs: Number = 0
    covariance_macs: Number = 0
    eigh: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Add two counts, field by field."""
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in _FIELDS})


_FIELDS = tuple(Counts.__dataclass_fields__)


def count_student(spec: StudentSpec) -> Counts:
    """Count a student.

    >>> counts = count_student(StudentSpec(architecture="mobilenet_v1", ranks=(10, 19, 37, 54)))
    >>> counts.num_params, round(float(counts.macs), 1)
    (52742, 2465.5)
    """
    total = Counts()
    for block in _BLOCKS:
        total += count_block(spec, block)
    return total


def count_block(spec: StudentSpec, block: int) -> Counts:
    """Count encoder block and decoder block 1 to 4 of a student, with the statistics at their tap.

    The result depends on the ranks of taps ``block`` - 1 and ``block`` alone.
    """
    areas = tap_areas(spec)
    outer, inner = areas[block - 1], areas[block]
    channels, rank = (_COLOURS, *spec.ranks)[block - 1 : block + 1]
    convs = [
        (conv, area, images)
        for stages, start, images in (
            (encoder_blocks(spec)[block - 1], outer, 2),
            (decoder_blocks(spec)[block - 1], inner, 1),
        )
        for conv, area in _place_convs(stages, start)
    ]
    by_kind: dict[str, Number] = dict.fromkeys(("full", "depthwise", "pointwise"), 0)
    for conv, area, images in convs:
        by_kind[_kind(conv)] += images * _weights(conv) * area
    wide, deep = channels * outer, rank * inner
    encoded = 2 * (wide + deep)  # both images: a block reads its input and writes its output
    measured = 2 * 2 * deep  # both images: once for the mean, once for the covariance
    decoded = deep + 2 * wide  # reads features and source, writes the features of the tap before
    return Counts(
        num_params=sum(_weights(conv) + conv.out_channels for conv, _, _ in convs),
        macs=sum(_weights(conv) * area for conv, area, _ in convs),
        map_bytes=FLOAT_BYTES * (encoded + measured + decoded),
        full_macs=by_kind["full"],
        depthwise_macs=by_kind["depthwise"],
        pointwise_macs=by_kind["pointwise"],
        covariance_macs=2 * rank * rank * inner,
        eigh=rank**3,
    )


def tap_areas(spec: StudentSpec) -> tuple[Fraction, ...]:
    """Return the pixels of the image and of taps 1 to 4, for each pixel of the image."""
    areas = [Fraction(1)]
    for stages in encoder_blocks(spec):
        areas.append(areas[-1] * _scale(stages) ** 2)
    return tuple(areas)


def latency_terms(counts: Counts, pixels: int) -> tuple[Any, ...]:
    """Return the `TERMS` of a student at a content size; the style is as large.

    A latency is their sum, each times a coefficient of the machine: a part of every call, one of
    every pixel, the multiply-adds of three kinds of convolutions and of covariances, the bytes of
    maps, and factorisations.

    Args:
        counts: Those of a student, or of a block pair (without the first two terms).
        pixels: Of the content.

    Returns:
        Numbers, or arrays where the counts are arrays.
    """
    each = (
        counts.full_macs,
        counts.depthwise_macs,
        counts.pointwise_macs,
        counts.map_bytes,
        counts.covariance_macs,
    )
    return 1.0, float(pixels), *(count * pixels for count in each), counts.eigh


def peak_bytes(spec: StudentSpec, pixels: int, *, threads: int = 1) -> int:
    """Return the peak memory of one stylization in float32, both images and their copies included.

    Args:
        spec: The student.
        pixels: Of the content; the style is as large.
        threads: Threads that compute tiles.
    """
    most = max(sum(maps) for maps in live_maps(spec))
    return round(FLOAT_BYTES * pixels * most) + threads * _BUFFER_BYTES


def live_maps(spec: StudentSpec) -> list[tuple[Fraction, Fraction, Fraction, Fraction, Fraction]]:
    """Return the values that are in memory while each decoder block runs, for each pixel.

    One tuple a block, from the fourth to the first: values of images, and of maps at taps 1 to 4.
    While block b runs, the sources of blocks 1 to b (the image and taps 1 to b - 1) are in memory,
    its features at tap b, and its output, of the size of tap b - 1 or of the image.
    """
    areas = tap_areas(spec)
    taps = [rank * area for rank, area in zip(spec.ranks, areas[1:], strict=True)]
    images = Fraction(_IMAGES * _COLOURS)
    moments = []
    for block in reversed(_BLOCKS):
        live = [taps[tap - 1] if tap <= block else Fraction(0) for tap in _BLOCKS]
        if block == 1:
            moments.append((images + _COLOURS, *live))
            continue
        live[block - 2] *= 2
        moments.append((images, *live))
    return moments  # type: ignore[return-value]


def _place_convs(stages: Block, area: Fraction) -> list[tuple[Conv, Fraction]]:
    """Return the convolutions of a block with the pixels of their outputs."""
    placed = []
    for stage in stages:
        area *= _scale((stage,)) ** 2
        if isinstance(stage, Conv):
            placed.append((stage, area))
    return placed


def _scale(stages: Sequence[Stage]) -> Fraction:
    """Return by how much stages scale an axis."""
    size = _PROBE
    for stage in stages:
        size = stage.output_size(size)
    return Fraction(size, _PROBE)


def _weights(conv: Conv) -> int:
    return conv.out_channels * (conv.in_channels // conv.groups) * conv.kernel_size**2


def _kind(conv: Conv) -> str:
    if conv.depthwise:
        return "depthwise"
    return "pointwise" if conv.kernel_size == 1 else "full"
