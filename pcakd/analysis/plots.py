"""Plots of an analysis."""

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pcakd.analysis.results import Analysis
from pcakd.analysis.spectra import SHARES
from pcakd.utils.extras import require_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 160
_COLOURS = ("#0b5fa5", "#d1570c", "#3a7d2c", "#8e44ad")
_MARKS = ("o", "s", "^", "v", "D")
_NS_PER_MS = 1e6


def draw_spectra(analysis: Analysis) -> "Figure":
    """Draw the share of the variance against the rank, a panel a tap."""
    figure, panels = _panels(2, 2, 9.0, 6.4)
    for axes, (number, tap) in zip(panels, enumerate(analysis.taps), strict=True):
        ranks = range(1, tap.channels + 1)
        low, high = (
            [m + sign * d for m, d in zip(tap.mcev, tap.mcev_deviation, strict=True)]
            for sign in (-1, 1)
        )
        axes.fill_between(ranks, low, high, color=_COLOURS[0], alpha=0.15, linewidth=0)
        axes.plot(ranks, tap.mcev, color=_COLOURS[0], label="mcev: own components ± 1 sd")
        axes.plot(ranks, tap.captured, color=_COLOURS[1], label="global basis")
        for share in SHARES:
            axes.axhline(share, color="#999999", linewidth=0.6, linestyle=":")
        names: dict[int, list[str]] = {}
        for name, chosen in analysis.ranks.items():
            names.setdefault(chosen[number], []).append(name)
        for mark, (rank, same) in zip(_MARKS, names.items(), strict=False):
            label = f"{', '.join(same)}: {rank}"
            axes.plot(rank, tap.mcev[rank - 1], mark, color="#222222", markersize=5, label=label)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(_plain_numbers())
        axes.set_ylim(0.0, 1.02)
        axes.set_title(f"{tap.name} ({tap.channels} channels)", fontsize=9)
        axes.set_xlabel("Rank")
        axes.set_ylabel("Share of the variance")
        axes.legend(fontsize=7, frameon=False, loc="lower right")
    return figure


def draw_stability(analysis: Analysis) -> "Figure":
    """Draw the angle between the bases of two halves against the number of photographs."""
    figure, (angles, lost) = _panels(1, 2, 9.0, 3.8)
    ranks = analysis.ranks[analysis.reference]
    for colour, tap, rank in zip(_COLOURS, analysis.taps, ranks, strict=True):
        halves = tap.halves[rank]
        photographs = [each.photographs for each in halves]
        label = f"{tap.name}, rank {rank}"
        style: dict[str, Any] = {"color": colour, "marker": "o", "markersize": 4, "label": label}
        angles.plot(photographs, [each.rms_angle for each in halves], **style)
        lost.plot(photographs, [100 * each.lost for each in halves], **style)
    for axes, title in ((angles, "RMS principal angle, degrees"), (lost, "Variance lost, %")):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(_plain_numbers())
        axes.set_xlabel("Photographs in each half")
        axes.set_ylabel(title)
        axes.set_ylim(bottom=0.0)
    angles.legend(fontsize=7, frameon=False)
    return figure


def draw_channel_costs(analysis: Analysis) -> "Figure":
    """Draw the cost of a student against the rank of each tap, the others at the reference."""
    timed = "FHD" if "FHD" in analysis.costs[0].latency_ns else None
    figure, panels = _panels(1, 3 if timed else 2, 12.0 if timed else 8.4, 3.8)
    ranks = analysis.ranks[analysis.reference]
    drawn: list[tuple[str, Callable[[Any], list[float]]]] = [
        ("Parameters", lambda costs: list(costs.num_params)),
        ("MACs for each pixel of the content", lambda costs: list(costs.macs)),
    ]
    if timed:
        drawn.append(
            (
                f"Predicted latency at {timed}, ms",
                lambda costs: [value / _NS_PER_MS for value in costs.latency_ns[timed]],
            )
        )
    for axes, (title, values) in zip(panels, drawn, strict=True):
        for colour, tap, costs, rank in zip(
            _COLOURS, analysis.taps, analysis.costs, ranks, strict=True
        ):
            curve = values(costs)
            axes.plot(range(1, len(curve) + 1), curve, color=colour, label=tap.name)
            axes.plot(rank, curve[rank - 1], "o", color=colour, markersize=5)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(_plain_numbers())
        axes.set_yscale("log")
        _label_log_axis(axes.yaxis)
        axes.set_xlabel("Rank of one tap, the others at the dots")
        axes.set_ylabel(title)
    panels[0].legend(fontsize=7, frameon=False)
    return figure


def encode(figure: "Figure", kind: str) -> bytes:
    """Return a figure as ``png`` or ``svg``; the same analysis gives the same bytes."""
    matplotlib = require_extra("analyze", "matplotlib", "the plots of an analysis")
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    stream = BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "pcakd"}):
        figure.savefig(stream, format=kind, metadata=metadata, facecolor="white")
    return stream.getvalue()


def _panels(rows: int, columns: int, width: float, height: float) -> "tuple[Figure, list[Axes]]":
    """Return an empty figure without pyplot, and its axes row by row; sizes in inches."""
    module = require_extra("analyze", "matplotlib.figure", "the plots of an analysis")
    agg = require_extra("analyze", "matplotlib.backends.backend_agg", "the plots of an analysis")
    figure = module.Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    agg.FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels:
        axes.grid(visible=True, color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
        axes.xaxis.label.set_fontsize(9)
        axes.yaxis.label.set_fontsize(9)
    return figure, panels


def _label_log_axis(axis: Any) -> None:
    """Write plain numbers at some steps of each decade."""
    ticker = require_extra("analyze", "matplotlib.ticker", "the plots of an analysis")
    axis.set_major_locator(ticker.LogLocator(subs=(1, 1.5, 2, 3, 5, 7), numticks=20))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def _plain_numbers() -> Any:
    ticker = require_extra("analyze", "matplotlib.ticker", "the plots of an analysis")
    return ticker.FuncFormatter(lambda value, _: f"{value:g}")
