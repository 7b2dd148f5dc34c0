"""Figures drawn without pyplot: the same records give the same bytes."""

from collections.abc import Sequence
from io import BytesIO

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

DPI = 160
COLOURS = ("#0b5fa5", "#d1570c", "#3a7d2c", "#8e44ad", "#b8336a", "#7a5c2e", "#2a9d8f", "#555555")
"""Colours of lines, in the order of what they show."""

_AROUND = 3.0  # how far a logarithmic axis reaches to both sides of a single value

AXIS_TITLES = {
    "latency": "Median latency at {size}, ms (lower is better)",
    "bounded_gram": "Style: bounded Gram distance to the style image (lower is better)",
    "gram": "Style: relative Gram error to the style image (lower is better)",
    "ssim": "Content: SSIM to the content image (higher is better)",
    "lpips": "Content: LPIPS to the content image (lower is better)",
}
"""Titles of the axes of metrics and of latency, whose title needs a ``size``."""


def new_figure(width: float = 7.2, height: float = 5.0) -> tuple[Figure, Axes]:
    """Return an empty figure with one set of axes and a light grid; sizes in inches."""
    figure, (axes,) = new_panels(1, 1, width, height)
    return figure, axes


def new_panels(
    rows: int, columns: int, width: float, height: float, *, same_y: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure with several sets of axes like those of `new_figure`, row by row."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, columns, sharey=same_y, squeeze=False).flat)
    for axes in panels:
        _style(axes)
    return figure, panels


def log_axis(axes: Axes, which: str, values: Sequence[float]) -> None:
    """Make an axis logarithmic, with plain numbers at decades or, if few, at 1, 2 and 5 of each."""
    axes.set_xscale("log") if which == "x" else axes.set_yscale("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    if min(values) == max(values):  # matplotlib 3.11 leaves such an axis without length
        limits = values[0] / _AROUND, values[0] * _AROUND
        axes.set_xlim(limits) if which == "x" else axes.set_ylim(limits)
    wide = max(values) > 1000 * min(values)
    axis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5), numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def encode_figure(figure: Figure, kind: str) -> bytes:
    """Return a figure as ``png`` or ``svg``, free of dates, versions and random names."""
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    stream = BytesIO()
    with rc_context({"svg.hashsalt": "pcakd-bench"}):
        figure.savefig(stream, format=kind, metadata=metadata, facecolor="white")
    return stream.getvalue()


def _style(axes: Axes) -> None:
    axes.grid(visible=True, color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.label.set_fontsize(9)
    axes.yaxis.label.set_fontsize(9)
    axes.tick_params(labelsize=8)
