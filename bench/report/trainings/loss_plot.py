"""The plots of training losses: one for each student, with a panel for each phase."""

from collections.abc import Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.records.loss_histories import plain_name
from bench.records.store import HISTORIES_FOLDER
from bench.report.common.figures import log_axis, new_panels
from bench.report.common.section import Plot
from bench.report.common.summary import Summary
from bench.report.trainings.losses import TOTAL, Attempt, Phase, Series, read_losses, thin_out

LOSSES_PREFIX = "losses-"

# Okabe and Ito's colours, the palest last
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7a5c2e", "#8e44ad")
_STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))
_TOTAL_COLOUR = "#b0b0b0"
_SHADE = "#f6e7df"
_TALL = 1e-5  # smallest value of a logarithmic panel, as a share of the largest loss
_WIDE = (0.12, 0.06)  # shares of the width that "block 1, attempt 2" and "block 1" need


def loss_plots(summary: Summary) -> list[Plot]:
    """Return the plots of the loss histories in the run folder that belong to its subjects.

    Further trainings, other subjects and files without rows are skipped.

    Raises:
        ConfigError: A file cannot be read.
    """
    if summary.folder is None:
        return []
    further = {row.subject for row in summary.trainings}
    names = {
        plain_name(record.case.subject, record.case.precision)
        for record in summary.records
        if record.case.subject not in further
    }
    plots = []
    for name in sorted(names):
        path = summary.folder / HISTORIES_FOLDER / f"{name}.csv"
        phases = read_losses(path) if path.is_file() else ()
        drawn = [phase for phase in phases if phase.terms]
        if drawn:
            plots.append(_plot(name, drawn))
    return plots


def _plot(name: str, phases: Sequence[Phase]) -> Plot:
    restarts = {
        _join_names(each, with_block=bool(each.block)): None
        for phase in phases
        for each in phase.attempts
        if each.restarted
    }
    caption = f"`{name}`: {', '.join(f'*{phase.name}*' for phase in phases)}."
    if restarts:
        caption += f" Shaded: attempts that were restarted ({'; '.join(restarts)})."
    return Plot(
        name=f"{LOSSES_PREFIX}{name}",
        title=f"Training losses of {name}",
        caption=caption,
        draw=partial(_draw, name, phases),
    )


def _draw(name: str, phases: Sequence[Phase]) -> Figure:
    figure, panels = new_panels(len(phases), 1, 8.0, 0.4 + 2.7 * len(phases))
    for axes, phase in zip(panels, phases, strict=True):
        draw_phase(axes, phase)
    figure.suptitle(f"Training losses of {name}", fontsize=10, x=0.01, ha="left")
    return figure


def draw_phase(axes: Axes, phase: Phase) -> None:
    """Draw a phase's losses over its steps, logarithmic where all are positive."""
    least = _TALL * max(phase.values)
    if phase.is_positive:
        log_axis(axes, "y", [max(value, least) for value in phase.values])
    start = 0.0
    for attempt in phase.attempts:
        for place, term in enumerate(phase.terms):
            if term in attempt.series:
                _draw_line(axes, attempt.series[term], term, place, start)
        start += attempt.last_step
    if phase.is_positive and min(phase.values) < least:
        axes.set_ylim(bottom=least)  # the top stays as the lines need it
    _mark_attempts(axes, phase, start)
    for place, term in enumerate(phase.terms):
        colour, style, width = _style(term, place)
        axes.plot([], [], color=colour, linestyle=style, linewidth=width, label=term)
    axes.set_xlim(0, start or 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_title(phase.name, fontsize=9, loc="left", pad=14)
    axes.set(xlabel="Steps of the phase", ylabel="Loss" + " (logarithmic)" * phase.is_positive)
    axes.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False, handlelength=1.8,
    )  # fmt: skip


def _draw_line(axes: Axes, line: Series, term: str, place: int, start: float) -> None:
    thin = thin_out(line)
    colour, style, width = _style(term, place)
    axes.plot(
        [start + step for step, _ in thin], [value for _, value in thin], color=colour,
        linestyle=style, linewidth=width, marker="." if len(thin) == 1 else None,
        zorder=1.5 if term == TOTAL else 2,
    )  # fmt: skip


def _mark_attempts(axes: Axes, phase: Phase, total: float) -> None:
    """Name blocks and attempts above their steps; shade attempts that were restarted."""
    several = len({each.block for each in phase.attempts}) > 1
    start = 0.0
    for attempt in phase.attempts:
        end = start + attempt.last_step
        if attempt.restarted:
            axes.axvspan(start, end, color=_SHADE, zorder=0)
        if start:
            axes.axvline(start, color="#9a9a9a", linewidth=0.8, zorder=1)
        axes.annotate(
            _name_attempt(attempt, (end - start) / (total or 1), with_block=several),
            ((start + end) / 2, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
            textcoords="offset points", ha="center", fontsize=7, color="#5c5c5c",
            annotation_clip=False,
        )  # fmt: skip
        start = end


def _name_attempt(attempt: Attempt, share: float, *, with_block: bool) -> str:
    """Name an attempt by its block and number, shortened where the width is too small."""
    text = _join_names(attempt, with_block=with_block)
    if share >= _WIDE[0 if ", " in text else 1]:
        return text
    short = attempt.block if with_block else ""
    return f"{short}#{attempt.number}" if "attempt" in text else short


def _join_names(attempt: Attempt, *, with_block: bool) -> str:
    block = f"block {attempt.block}" if with_block else ""
    number = f"attempt {attempt.number}" if attempt.number > 1 or attempt.restarted else ""
    return ", ".join(part for part in (block, number) if part)


def _style(term: str, place: int) -> tuple[str, object, float]:
    if term == TOTAL:
        return _TOTAL_COLOUR, "-", 3.2  # a single term is drawn on it
    turns, index = divmod(place - 1, len(_COLOURS))
    return _COLOURS[index], _STYLES[turns % len(_STYLES)], 1.1
