"""The plot of curves of style against content: two lines a student, by strength and by λ."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text

from bench.report.common.summary import Summary
from bench.report.curves.rows import Curve, CurveRow, split_rows
from bench.report.gallery import Plot
from bench.report.pareto.labels import Box, Place, Scene, place_labels
from bench.report.pareto.plots import AXIS_TITLES, COLOURS, new_panels
from bench.report.pareto.points import name_subject

CURVES_PLOT = "curves"

_CONTENT = ("ssim", "lpips")
_LINES = {"strength": "-", "regularizer": (0, (4, 2))}
_MARKS = {"strength": "o", "regularizer": "s"}
_TITLE = "Curves of style against content"
_MARK = 4.0  # half the side that is kept free around a mark, in points
_LEGEND_COLUMNS = 4
_STEPS = 12  # boxes that keep labels off a line between two marks


def draw_curves(summary: Summary) -> list[Plot]:
    """Draw the curves of all students; nothing where machines are mixed or no place compares."""
    rows, others = split_rows(summary)
    if not rows or not summary.comparable:
        return []
    curves = _group(rows)
    pairs = rows[0].quality.num_pairs
    return [
        Plot(name=CURVES_PLOT, title=_TITLE, caption=_caption(others, pairs),
             figure=_draw(curves, f"{_TITLE}, means over {pairs} pair{'s' * (pairs != 1)}"))
    ]  # fmt: skip


def _group(rows: Sequence[CurveRow]) -> dict[Curve, list[CurveRow]]:
    curves: dict[Curve, list[CurveRow]] = {}
    for row in rows:
        curves.setdefault(row.curve, []).append(row)
    return curves


def _line(rows: Sequence[CurveRow], by: str) -> list[CurveRow]:
    """Return the places of a line in order; the operating point is on both lines."""
    own = [row for row in rows if row.is_operating_point][:1]
    places = [row for row in rows if row.by == by and not row.is_operating_point]
    if not places:
        return []
    return sorted([*places, *own], key=lambda row: (row.strength, row.multiple))


def _caption(others: Sequence[CurveRow], most: int) -> str:
    absent = [
        f"{name_subject(*row.curve[:2])} at {_label(row)} ({row.quality.num_pairs} of {most} pairs)"
        for row in others
    ]
    missing = f" Not on all pairs, and so not drawn: {', '.join(absent)}." if absent else ""
    return (
        "A line through the strengths and a broken one through the multiples of λ, for each "
        "student; they meet in the operating point, which is how it stylizes unless told "
        "otherwise. Better is lower: to the right in SSIM, to the left in LPIPS." + missing
    )


def _label(row: CurveRow) -> str:
    return f"s = {row.strength:g}" if row.by == "strength" else f"λ × {row.multiple:g}"


def _draw(curves: dict[Curve, list[CurveRow]], title: str) -> Figure:
    entries = len(curves) + len(_LINES) + 1  # the operating point
    legend_lines = -(-entries // _LEGEND_COLUMNS)
    figure, panels = new_panels(1, 2, 10.0, 4.9 + 0.2 * legend_lines, same_y=True)
    for axes, content in zip(panels, _CONTENT, strict=True):
        for place, rows in enumerate(curves.values()):
            _draw_curve(axes, rows, content, COLOURS[place % len(COLOURS)])
        axes.margins(0.1)
        axes.set_xlabel(AXIS_TITLES[content])
    panels[0].set_ylabel(AXIS_TITLES["gram"])
    panels[0].set_title(title, fontsize=10, loc="left")
    _draw_legend(figure, panels[0], curves)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the places below hold for this layout only
    for axes, content in zip(panels, _CONTENT, strict=True):
        _label_places(axes, curves, content)
    return figure


def _place(row: CurveRow, content: str) -> Place | None:
    scores = row.quality.scores
    return (
        (scores[content].value, scores["gram"].value) if {content, "gram"} <= set(scores) else None
    )


def _places(rows: Sequence[CurveRow], content: str) -> list[Place]:
    return [place for row in rows if (place := _place(row, content)) is not None]


def _draw_curve(axes: Axes, rows: Sequence[CurveRow], content: str, colour: str) -> None:
    for by, style in _LINES.items():
        places = _places(_line(rows, by), content)
        axes.plot(
            [x for x, _ in places], [y for _, y in places], linestyle=style, marker=_MARKS[by],
            color=colour, linewidth=1.3, markersize=3.8, zorder=2,
        )  # fmt: skip
    for x, y in _places([row for row in rows if row.is_operating_point], content):
        axes.plot([x], [y], "o", color=colour, markersize=9, markerfacecolor="white",
                  markeredgewidth=1.8, zorder=3)  # fmt: skip
        axes.plot([x], [y], "o", color=colour, markersize=3.8, zorder=4)


def _draw_legend(figure: Figure, axes: Axes, curves: dict[Curve, list[CurveRow]]) -> None:
    for place, curve in enumerate(curves):
        axes.plot([], [], "-", color=COLOURS[place % len(COLOURS)], linewidth=3,
                  label=name_subject(*curve[:2]))  # fmt: skip
    titles = {"strength": "by strength s, at the student's own λ", "regularizer": "by λ, at s = 1"}
    for by, title in titles.items():
        axes.plot([], [], linestyle=_LINES[by], marker=_MARKS[by], color="black", linewidth=1.3,
                  markersize=3.8, label=title)  # fmt: skip
    axes.plot([], [], "o", color="black", markersize=9, markerfacecolor="white",
              markeredgewidth=1.8, label="operating point")  # fmt: skip
    figure.legend(
        loc="outside lower center", ncols=_LEGEND_COLUMNS, fontsize=8, frameon=False,
        handlelength=2.4, handletextpad=0.5, columnspacing=1.6,
    )  # fmt: skip


def _label_places(axes: Axes, curves: dict[Curve, list[CurveRow]], content: str) -> None:
    """Write the values at the ends of each line, in its colour, where they cover no line."""
    unit = cast(Figure, axes.figure).dpi / 72
    texts: list[Annotation] = []
    labelled: list[Place] = []
    marks: list[Place] = []
    soft: list[Box] = []
    for number, rows in enumerate(curves.values()):
        for by in _LINES:
            line = [row for row in _line(rows, by) if _place(row, content) is not None]
            pixels = [_to_pixels(axes, each) for each in _places(line, content)]
            marks += pixels
            soft += [
                _box(each, 1.5 * unit) for ends in pairwise(pixels) for each in _between(*ends)
            ]
            for row in (line[place] for place in sorted({0, len(line) - 1} if line else ())):
                if row.is_operating_point:
                    continue
                texts.append(_annotate(axes, row, content, COLOURS[number % len(COLOURS)]))
                labelled.append(_to_pixels(axes, _places([row], content)[0]))
    window = axes.get_window_extent()
    extents = [Text.get_window_extent(text) for text in texts]
    boxes = place_labels(
        [(extent.width, extent.height) for extent in extents],
        Scene(
            points=labelled,
            obstacles=[_box(mark, _MARK * unit) for mark in marks],
            soft=soft,
            frame=Box(left=window.x0, bottom=window.y0, right=window.x1, top=window.y1),
            radius=_MARK * unit,
            unit=unit,
        ),
    )
    for text, box, (x, y) in zip(texts, boxes, labelled, strict=True):
        text.set_position(((box.left - x) / unit, (box.bottom - y) / unit))


def _annotate(axes: Axes, row: CurveRow, content: str, colour: str) -> Annotation:
    return axes.annotate(
        _label(row), _places([row], content)[0], xytext=(0, 0), textcoords="offset points",
        fontsize=7.5, color=colour, va="bottom", ha="left", zorder=5,
        path_effects=[withStroke(linewidth=1.8, foreground="white")],
        arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 0,
                    "shrinkB": 3, "relpos": (0.5, 0.5)},
    )  # fmt: skip


def _to_pixels(axes: Axes, place: Place) -> Place:
    x, y = axes.transData.transform(place)
    return float(x), float(y)


def _between(first: Place, second: Place) -> list[Place]:
    steps = [step / _STEPS for step in range(1, _STEPS)]
    return [
        (first[0] + t * (second[0] - first[0]), first[1] + t * (second[1] - first[1]))
        for t in steps
    ]


def _box(place: Place, half: float) -> Box:
    x, y = place
    return Box(left=x - half, bottom=y - half, right=x + half, top=y + half)
