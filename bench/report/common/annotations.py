"""Labels of points in a plot, each at a free place with a thin line to its point."""

from collections.abc import Sequence
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text

from bench.report.common.labels import Box, LabelLayout, Position, place_labels


def annotate(
    axes: Axes,
    text: str,
    place: Position,
    *,
    colour: str,
    line_colour: str,
    line_width: float = 0.6,
    line_gap: float = 4.0,
) -> Annotation:
    """Write a label at a point (in data coordinates); `spread_annotations` moves it away."""
    return axes.annotate(
        text, place, xytext=(0, 0), textcoords="offset points", fontsize=7.5, color=colour,
        va="bottom", ha="left", zorder=5,
        path_effects=[withStroke(linewidth=1.8, foreground="white")],
        arrowprops={"arrowstyle": "-", "color": line_colour, "linewidth": line_width,
                    "shrinkA": 0, "shrinkB": line_gap, "relpos": (0.5, 0.5)},
    )  # fmt: skip


def fix_layout(figure: Figure) -> None:
    """Lay the figure out and keep that layout, so that positions in pixels stay valid."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def spread_annotations(
    axes: Axes,
    annotations: Sequence[Annotation],
    *,
    obstacles: Sequence[Box],
    soft: Sequence[Box],
    radius: float,
) -> None:
    """Move labels to places where they cover nothing; call `fix_layout` first.

    Args:
        axes: The axes of the labels.
        annotations: Made by `annotate`.
        obstacles: Boxes in pixels that labels must not cover.
        soft: Boxes in pixels that labels avoid where possible.
        radius: Half the side that is kept free around a point, in typographic points.
    """
    unit = cast(Figure, axes.figure).dpi / 72
    points = [to_pixels(axes, each.xy) for each in annotations]
    # the extent of the text alone: that of an annotation includes its line
    extents = [Text.get_window_extent(each) for each in annotations]
    window = axes.get_window_extent()
    layout = LabelLayout(
        points=points,
        obstacles=obstacles,
        soft=soft,
        frame=Box(left=window.x0, bottom=window.y0, right=window.x1, top=window.y1),
        radius=radius * unit,
        unit=unit,
    )
    boxes = place_labels([(extent.width, extent.height) for extent in extents], layout)
    for each, box, (x, y) in zip(annotations, boxes, points, strict=True):
        each.set_position(((box.left - x) / unit, (box.bottom - y) / unit))


def to_pixels(axes: Axes, place: Position) -> Position:
    """Convert data coordinates to pixels."""
    x, y = axes.transData.transform(place)
    return float(x), float(y)


def box_around(axes: Axes, ends: Sequence[Position], margin: float) -> Box:
    """Return the box in pixels around points in data coordinates.

    Args:
        axes: The axes of the points.
        ends: One point, or the ends of a horizontal or vertical line.
        margin: Distance from the points to the sides, in typographic points.
    """
    pixels = axes.transData.transform(ends)
    (left, bottom), (right, top) = pixels.min(axis=0), pixels.max(axis=0)
    pad = margin * axes.figure.dpi / 72
    return Box(left=left - pad, bottom=bottom - pad, right=right + pad, top=top + pad)
