"""The plots of loss histories, one a student with a panel a phase, and their section."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.records.loss_histories import plain_name
from bench.report.common.summary import Summary
from bench.report.gallery import Plot
from bench.report.pareto.plots import log_axis, new_panels
from bench.report.trainings.histories import TOTAL, Attempt, Phase, Series, read_history, thin_out

HISTORY_PREFIX = "losses-"

# Okabe and Ito's colours, the palest last
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7a5c2e", "#8e44ad")
_STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))
_TOTAL_COLOUR = "#b0b0b0"
_SHADE = "#f6e7df"
_TALL = 1e-5  # of the largest loss, the least that a logarithmic panel shows
_WIDE = (0.12, 0.06)  # shares of the width that "block 1, attempt 2" and "block 1" need
_NOTE = (
    "The losses of each student's training as the training wrote them, a panel for each phase. "
    "Blocks follow each other from left to right; where there is no room, 3#2 is the second "
    "attempt at block 3. *loss* is what was minimised, the others are its terms. Long series are "
    "drawn as means of neighbouring rows; what is less than a hundred-thousandth of a phase's "
    "largest loss lies below its panel. The files are in `histories/`, with those of "
    "further trainings where they were kept."
)


def draw_histories(folder: Path, summary: Summary) -> list[Plot]:
    """Draw the histories of a run folder that belong to subjects of its records.

    Those of further trainings, of other subjects, and files without rows are passed over.

    Raises:
        ConfigError: A file cannot be read.
    """
    further = {row.subject for row in summary.trainings}
    names = {
        plain_name(record.case.subject, record.case.precision)
        for record in summary.records
        if record.case.subject not in further
    }
    plots = []
    for name in sorted(names):
        path = folder / f"{name}.csv"
        phases = read_history(path) if path.is_file() else ()
        drawn = [phase for phase in phases if phase.terms]
        if drawn:
            plots.append(_plot(name, drawn))
    return plots


def histories_section(plots: Sequence[Plot]) -> str:
    """Write the section; nothing where there is no history."""
    shown = [plot for plot in plots if plot.name.startswith(HISTORY_PREFIX)]
    if not shown:
        return ""
    parts = [f"## Loss histories\n\n{_NOTE}\n"]
    parts += [
        f"![{plot.title}](plots/{quote(plot.name)}.png)\n\n{plot.caption}\n" for plot in shown
    ]
    return "\n".join(parts)


def _plot(name: str, phases: Sequence[Phase]) -> Plot:
    restarts = {
        _join_names(each, with_block=bool(each.block)): None
        for phase in phases
        for each in phase.attempts
        if each.restarted
    }
    caption = f"`{name}`: {', '.join(f'*{phase.name}*' for phase in phases)}."
    if restarts:
        caption += f" Shaded: attempts that were started again ({'; '.join(restarts)})."
    return Plot(
        name=f"{HISTORY_PREFIX}{name}",
        title=f"Loss history of {name}",
        caption=caption,
        figure=_draw(name, phases),
    )


def _draw(name: str, phases: Sequence[Phase]) -> Figure:
    figure, panels = new_panels(len(phases), 1, 8.0, 0.4 + 2.7 * len(phases))
    for axes, phase in zip(panels, phases, strict=True):
        draw_phase(axes, phase)
    figure.suptitle(f"Loss history of {name}", fontsize=10, x=0.01, ha="left")
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
        axes.set_ylim(bottom=least)  # and the top stays that of the lines
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
    """Name blocks and attempts above their steps; shade what was started again."""
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
    """Name an attempt by its block and number, as long as its share of the width lets it."""
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
        return _TOTAL_COLOUR, "-", 3.2  # a sole term lies on it
    turns, index = divmod(place - 1, len(_COLOURS))
    return _COLOURS[index], _STYLES[turns % len(_STYLES)], 1.1
