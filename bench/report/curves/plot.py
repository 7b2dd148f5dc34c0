"""The plot of trade-off curves: two lines for each student, over strength and over λ."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.common.annotations import annotate, box_around, fix_layout, spread_annotations
from bench.report.common.figures import AXIS_TITLES, COLOURS, new_panels
from bench.report.common.formats import format_count_of
from bench.report.common.labels import Position
from bench.report.common.rows import name_subject
from bench.report.common.section import Plot
from bench.report.common.summary import Summary, headline_names
from bench.report.curves.rows import Curve, CurveRow, split_rows

CURVES_PLOT = "curves"

_CONTENT = ("ssim", "lpips")
_LINES = {"strength": "-", "regularizer": (0, (4, 2))}
_MARKS = {"strength": "o", "regularizer": "s"}
_TITLE = "Trade-off between style and content"
_MARK = 4.0  # half the side that is kept free around a mark, in points
_THICKNESS = 1.5  # half the thickness that labels avoid around a line, in points
_LEGEND_COLUMNS = 4
_STEPS = 12  # boxes along a line between two marks

Metrics = tuple[str, str]
"""The metrics on the horizontal and on the vertical axis."""

Curves = Mapping[Curve, Sequence[CurveRow]]


def curves_plots(summary: Summary) -> list[Plot]:
    """Return the plot; none if the machines differ or no points compare."""
    rows, others = split_rows(summary)
    if not rows or not summary.comparable:
        return []
    curves = _group(rows)
    count = rows[0].quality.num_image_pairs
    title = f"{_TITLE}, means over {format_count_of(count, 'image pair')}"
    return [
        Plot(
            name=CURVES_PLOT,
            title=_TITLE,
            caption=_caption(others, count),
            draw=partial(_draw, curves, title),
        )
    ]


def _group(rows: Sequence[CurveRow]) -> dict[Curve, list[CurveRow]]:
    curves: dict[Curve, list[CurveRow]] = {}
    for row in rows:
        curves.setdefault(row.curve, []).append(row)
    return curves


def _line(rows: Sequence[CurveRow], varied: str) -> list[CurveRow]:
    """Return the points of a line in order; the default setting is on both lines."""
    own = [row for row in rows if row.is_default][:1]
    places = [row for row in rows if row.varied == varied and not row.is_default]
    if not places:
        return []
    return sorted([*places, *own], key=lambda row: (row.strength, row.multiple))


def _caption(others: Sequence[CurveRow], most: int) -> str:
    absent = [
        f"{name_subject(*row.curve[:2])} at {_label(row)} "
        f"({row.quality.num_image_pairs} of {most} image pairs)"
        for row in others
    ]
    missing = f" Not drawn, because image pairs are missing: {', '.join(absent)}." if absent else ""
    return (
        "For each student, a solid line over strengths and a dashed line over multiples of λ; they "
        "meet at the default setting. Better is lower, and further right for SSIM or further left "
        "for LPIPS." + missing
    )


def _label(row: CurveRow) -> str:
    return f"s = {row.strength:g}" if row.varied == "strength" else f"λ × {row.multiple:g}"


def _draw(curves: Curves, title: str) -> Figure:
    entries = len(curves) + len(_LINES) + 1  # the default setting
    legend_lines = -(-entries // _LEGEND_COLUMNS)
    figure, panels = new_panels(1, 2, 10.0, 4.9 + 0.2 * legend_lines, same_y=True)
    gram = headline_names([row.quality for rows in curves.values() for row in rows])[0]
    for axes, content in zip(panels, _CONTENT, strict=True):
        for place, rows in enumerate(curves.values()):
            _draw_curve(axes, rows, (content, gram), COLOURS[place % len(COLOURS)])
        axes.margins(0.1)
        axes.set_xlabel(AXIS_TITLES[content])
    panels[0].set_ylabel(AXIS_TITLES[gram])
    panels[0].set_title(title, fontsize=10, loc="left")
    _draw_legend(figure, panels[0], curves)
    fix_layout(figure)
    for axes, content in zip(panels, _CONTENT, strict=True):
        _label_ends(axes, curves, (content, gram))
    return figure


def _place(row: CurveRow, shown: Metrics) -> Position | None:
    metrics = row.quality.metrics
    if not set(shown) <= set(metrics):
        return None
    x, y = shown
    return metrics[x].value, metrics[y].value


def _places(rows: Sequence[CurveRow], shown: Metrics) -> list[Position]:
    return [place for row in rows if (place := _place(row, shown)) is not None]


def _draw_curve(axes: Axes, rows: Sequence[CurveRow], shown: Metrics, colour: str) -> None:
    for varied, style in _LINES.items():
        places = _places(_line(rows, varied), shown)
        axes.plot(
            [x for x, _ in places], [y for _, y in places], linestyle=style, marker=_MARKS[varied],
            color=colour, linewidth=1.3, markersize=3.8, zorder=2,
        )  # fmt: skip
    for x, y in _places([row for row in rows if row.is_default], shown):
        axes.plot([x], [y], "o", color=colour, markersize=9, markerfacecolor="white",
                  markeredgewidth=1.8, zorder=3)  # fmt: skip
        axes.plot([x], [y], "o", color=colour, markersize=3.8, zorder=4)


def _draw_legend(figure: Figure, axes: Axes, curves: Curves) -> None:
    for place, curve in enumerate(curves):
        axes.plot([], [], "-", color=COLOURS[place % len(COLOURS)], linewidth=3,
                  label=name_subject(*curve[:2]))  # fmt: skip
    titles = {
        "strength": "over strength s, at the student's own λ",
        "regularizer": "over λ, at s = 1",
    }
    for varied, title in titles.items():
        axes.plot([], [], linestyle=_LINES[varied], marker=_MARKS[varied], color="black",
                  linewidth=1.3, markersize=3.8, label=title)  # fmt: skip
    axes.plot([], [], "o", color="black", markersize=9, markerfacecolor="white",
              markeredgewidth=1.8, label="default setting")  # fmt: skip
    figure.legend(
        loc="outside lower center", ncols=_LEGEND_COLUMNS, fontsize=8, frameon=False,
        handlelength=2.4, handletextpad=0.5, columnspacing=1.6,
    )  # fmt: skip


def _label_ends(axes: Axes, curves: Curves, shown: Metrics) -> None:
    """Write the values at the ends of each line, in its colour, where they cover no line."""
    annotations, obstacles, soft = [], [], []
    for number, rows in enumerate(curves.values()):
        for varied in _LINES:
            line = [row for row in _line(rows, varied) if _place(row, shown) is not None]
            places = _places(line, shown)
            obstacles += [box_around(axes, [place], _MARK) for place in places]
            between = [each for ends in pairwise(places) for each in _between(*ends)]
            soft += [box_around(axes, [place], _THICKNESS) for place in between]
            ends = [line[place] for place in sorted({0, len(line) - 1} if line else ())]
            colour = COLOURS[number % len(COLOURS)]
            annotations += [
                annotate(
                    axes, _label(row), _places([row], shown)[0], colour=colour,
                    line_colour=colour, line_width=0.5, line_gap=3.0,
                )
                for row in ends
                if not row.is_default
            ]  # fmt: skip
    spread_annotations(axes, annotations, obstacles=obstacles, soft=soft, radius=_MARK)


def _between(first: Position, second: Position) -> list[Position]:
    """Return points on the line between two points in data coordinates."""
    steps = [step / _STEPS for step in range(1, _STEPS)]
    return [
        (first[0] + t * (second[0] - first[0]), first[1] + t * (second[1] - first[1]))
        for t in steps
    ]
