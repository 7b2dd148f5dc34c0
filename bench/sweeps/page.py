"""The page of a sweep: its students, the frontier, and its ablations. No torch."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from bench.report.common.section import Plot, Section, plot_files, table_files
from bench.report.common.tables import ARROWS
from bench.report.render import write_sections
from bench.sweeps.ablations import compare_with_bases, describe_origin
from bench.sweeps.frontier import Frontier, find_frontier, hypervolume_without
from bench.sweeps.members import (
    COSTS,
    Member,
    common_metrics,
    common_resolutions,
    describe_left_out,
    find_members,
    witnesses,
)
from bench.sweeps.plots import cost_plot, quality_plot
from bench.sweeps.records import WOULD_STOP, TrialRecord, load_records
from bench.sweeps.sensitivity import (
    LEAST_MEMBERS,
    MOST_COLLINEAR,
    by_family,
    find_predictions,
    find_sensitivities,
)
from bench.sweeps.tables import (
    early_stopping_table,
    frontier_table,
    predictions_table,
    seeds_table,
    sensitivity_table,
    students_table,
)

PAGE_NAME = "README.md"

_NOTE = (
    "`pcakd-bench sweep` wrote this page from the records in this folder. All students are trained "
    "with the recipes that their records have; short recipes do not give what full ones do, so "
    "students compare with each other, not with those of other pages."
)
_FILES = (
    *table_files(
        "students", "frontier", "front-by-seed", "sensitivity", "prediction", "early-stopping"
    ),
    *plot_files("cost-style", "cost-content", "style-content"),
)


def holds_sweep(folder: Path) -> bool:
    """Return whether a folder has records of a sweep and none of a run."""
    others = (folder / "records.jsonl", folder / "gates.jsonl")
    return not any(path.exists() for path in others) and any(folder.glob("*.json"))


def write_report(folder: Path) -> Path:
    """Write the page with its tables and plots, and return its path.

    Raises:
        ConfigError: A file is not a record.
        OutputError: The folder cannot be written.
    """
    sections = make_sections(load_records(folder))
    return write_sections(folder, sections, _join(sections), _FILES)


def write_page(records: Mapping[str, TrialRecord]) -> str:
    """Return the page alone."""
    return _join(make_sections(records))


def _join(sections: Sequence[Section]) -> str:
    return "\n\n".join(section.text for section in sections if section.text) + "\n"


def make_sections(records: Mapping[str, TrialRecord]) -> list[Section]:
    """Return the sections of the page.

    A sweep without costs is an ablation study and has its tables alone.
    """
    members = find_members(records)
    profiled = any(member.record.costs for member in members)
    sections = []
    if profiled:
        sections.append(Section(text=f"# Sweep\n\n{_NOTE}"))
        sections += [_students(members, records), *_frontier(members)]
        sections += _before_training(members)
    ablations = compare_with_bases(records, heading=not profiled)
    sections += [Section(text=ablations), *_early_stopping(members)]
    return [*sections, Section(text=describe_origin(records))]


def _students(members: Sequence[Member], records: Mapping[str, TrialRecord]) -> Section:
    resolutions = common_resolutions(members)
    table = students_table(members, resolutions)
    text = f"## Students\n\n{table.markdown}"
    if not resolutions:
        text += "\nCosts are of several machines or sizes, which do not compare.\n"
    if missing := [each.name for each in members if not each.record.costs]:
        text += f"\nWithout costs, and not on a front: {', '.join(missing)}.\n"
    if left_out := describe_left_out(records, members):
        text += "\nNot in this table:\n\n" + "\n".join(f"* {line}" for line in left_out) + "\n"
    return Section(text=text, tables=(table,))


def _frontier(members: Sequence[Member]) -> list[Section]:
    resolutions, metrics = common_resolutions(members), witnesses(members)
    if not resolutions or metrics is None or len(members) < 2:
        return []
    resolution = resolutions[0]
    found = [find_frontier(members, metrics, cost, resolution) for cost in COSTS]
    frontiers = [each for each in found if each is not None]
    if not frontiers:
        return []
    tables = [frontier_table(frontiers)]
    if frontiers[0].leaves:
        tables.append(seeds_table(frontiers))
    plots = [
        Plot(
            name=f"cost-{kind}",
            title=f"{ARROWS[metric]} against costs",
            caption=f"Costs of sizes are at {resolution}. " + _fronts(frontiers),
            draw=partial(cost_plot, members, metric, resolution),
        )
        for kind, metric in zip(("style", "content"), metrics, strict=True)
    ]
    title = f"{ARROWS[metrics[0]]} against {ARROWS[metrics[1]]}"
    plots.append(
        Plot(
            name="style-content",
            title=title,
            caption="Labels name the students that no other one dominates by these two metrics.",
            draw=partial(quality_plot, members, metrics, resolution),
        )
    )
    body = "\n\n".join([*(table.markdown for table in tables), *(plot.markdown for plot in plots)])
    text = (
        f"## Frontier\n\nNo student was trained on the formulas of {ARROWS[metrics[0]]} and "
        f"{ARROWS[metrics[1]]} or close relatives of them.\n\n{body}"
    )
    return [Section(text=text, tables=tuple(tables), plots=tuple(plots))]


def _fronts(frontiers: Sequence[Frontier]) -> str:
    (first, *_) = frontiers
    return (
        f"On the front by both metrics and {COSTS[first.cost].lower()}: {', '.join(first.front)}."
    )


def _before_training(members: Sequence[Member]) -> list[Section]:
    """Return what could have been known before training, for families with enough members."""
    if not by_family(members):
        return []
    metrics, resolutions = common_metrics(members), common_resolutions(members)
    sensitivities = [each for metric in metrics for each in find_sensitivities(members, metric)]
    resolution = resolutions[0] if resolutions else None
    predictions = [
        each for metric in metrics for each in find_predictions(members, metric, resolution)
    ]
    tables = [predictions_table(predictions)] if predictions else []
    if sensitivities:
        tables.append(sensitivity_table(sensitivities))
    named = {each.family for each in sensitivities}
    together = [family for family in by_family(members) if family not in named]
    text = f"## Before training\n\nFamilies with at least {LEAST_MEMBERS} students count.\n\n"
    text += "\n\n".join(table.markdown for table in tables)
    if together:
        text += (
            f"\n\nThe ranks of the taps change together in {'; '.join(together)} (condition number "
            f"above {MOST_COLLINEAR:g}), so the effect of a single tap cannot be told there."
        )
    return [Section(text=text, tables=tuple(tables))]


def _early_stopping(members: Sequence[Member]) -> list[Section]:
    """Return what early stopping would have saved and cost, if a replay noted it for all."""
    replayed = [each for each in members if each.record.rungs]
    if not (replayed and all(WOULD_STOP in each.record.rungs for each in replayed)):
        return []
    stopped = {
        each.name: each.record.rungs[WOULD_STOP]
        for each in replayed
        if each.record.rungs[WOULD_STOP] is not None
    }
    names = ", ".join(f"{name} (step {step})" for name, step in stopped.items())
    text = (
        f"## Early stopping\n\nReplayed in the order in which they finished, {len(stopped)} of "
        f"{len(replayed)} trainings would have stopped{': ' + names if names else ''}."
    )
    if saved := _describe_saving(replayed):
        text += f" {saved}"
    resolutions, metrics = common_resolutions(members), witnesses(members)
    if not (resolutions and metrics):
        return [Section(text=text)]
    table = early_stopping_table(
        {
            cost: hypervolume_without(members, stopped, metrics, cost, resolutions[0])
            for cost in COSTS
            if any(each.cost(cost, resolutions[0]) for each in members)
        }
    )
    return [Section(text=f"{text}\n\n{table.markdown}", tables=(table,))]


def _describe_saving(members: Sequence[Member]) -> str:
    """Say which share of the trainings' time their last phases after the stops took."""
    total = saved = 0.0
    for each in members:
        phases, step = each.record.card["phases"], each.record.rungs[WOULD_STOP]
        times = [phase.get("device_seconds") for phase in phases]
        if None in times:
            return ""
        total += sum(times)
        if step is not None:
            saved += times[-1] * (1.0 - step / each.record.rungs["steps"])
    return f"That saves {saved / total:.0%} of the time of these trainings." if total else ""
