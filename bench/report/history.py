"""The plot of a history: a panel for each machine, a line for each subject."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.history import HistoryLine
from bench.records.identity import Machine
from bench.records.units import NS_PER_MS
from bench.report.common.figures import COLOURS, new_panels
from bench.report.common.rows import name_subject
from bench.report.methods.notes import count_threads

_UNITS = {"latency": ("Median latency, ms", 1 / NS_PER_MS), "memory": ("Peak memory, MiB", 2**-20)}
_HEIGHT, _WIDTH = 3.4, 8.0  # inches of a panel
_MOST_LABELS = 30


def draw_history(lines: Sequence[HistoryLine], figure: str) -> Figure:
    """Draw a value over commits; dashed lines are where the level of a subject changes.

    Args:
        lines: Lines of any machines; each machine has a panel of its own.
        figure: Of `bench.analysis.history.FIGURES`.
    """
    machines = list(dict.fromkeys(line.machine for line in lines))
    drawn, panels = new_panels(len(machines), 1, _WIDTH, _HEIGHT * len(machines))
    for machine, axes in zip(machines, panels, strict=True):
        _draw_panel(axes, [line for line in lines if line.machine == machine], figure, machine)
    return drawn


def _draw_panel(axes: Axes, lines: Sequence[HistoryLine], figure: str, machine: Machine) -> None:
    title, scale = _UNITS.get(figure, (f"Mean {figure}", 1.0))
    times: dict[str, str] = {}
    for line in lines:
        for point in line.points:
            times[point.commit] = min(point.created, times.get(point.commit, point.created))
    commits = sorted(times, key=lambda commit: times[commit])
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        _draw_line(axes, line, commits, scale, colour)
    places = range(0, len(commits), 1 + len(commits) // _MOST_LABELS)
    axes.set_xticks(list(places), [commits[place] for place in places], rotation=45, ha="right")
    axes.set_xlabel("Commit, in the order of measurement")
    axes.set_ylabel(f"{title} ({lines[0].place})")
    axes.set_title(f"{machine.device_name}, {machine.device}, {count_threads(machine)}", fontsize=9)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, frameon=False, loc="best")


def _draw_line(
    axes: Axes, line: HistoryLine, commits: Sequence[str], scale: float, colour: str
) -> None:
    places = [commits.index(point.commit) for point in line.points]
    values = [scale * point.interval.value for point in line.points]
    bars = [
        (place, value, scale * ends[0], scale * ends[1])
        for place, value, point in zip(places, values, line.points, strict=True)
        if (ends := point.interval.ends) is not None
    ]
    label = name_subject(line.subject, line.transform)
    axes.plot(places, values, color=colour, marker="o", markersize=4, linewidth=1.2, label=label)
    for place, _, low, high in bars:
        axes.plot([place, place], [low, high], color=colour, linewidth=0.9)
    for change in line.change_points:
        between = (places[change - 1] + places[change]) / 2
        axes.axvline(between, color=colour, linestyle=(0, (3, 3)), linewidth=0.9)
