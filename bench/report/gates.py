"""The page of a self-test of the regression gate: false alarms, power against launches."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bench.gate.rates import FILE_NAME, Power, Rate, find_power, smallest_change, summarize_gates
from bench.gate.render import describe_smallest, rate_cells
from bench.report.common.figures import COLOURS, new_figure
from bench.report.common.formats import format_count_of
from bench.report.common.section import Plot, Section, Table, plot_files, table_files

FILES = (*table_files("rates", "power"), *plot_files("power"))
"""All files that the page may have beside it."""

_OFFSET = 0.12  # launches between the error bars of slow-downs


def gates_section(gates: Sequence[Mapping[str, Any]]) -> Section:
    """Return the page of recorded gates with its files.

    Args:
        gates: One or more, of `bench.gate.rates.read_gates`; they share commit and settings.
    """
    rates, power = list(summarize_gates(gates)), list(find_power(gates))
    tables = _rates_table(rates), _power_table(power)
    plot = Plot(
        name="power",
        title="Share of gates that found a planted slow-down, by launches",
        caption="Share of gates that had called a case *worse* after a number of launches. Error "
        "bars: 95 % interval (Clopper and Pearson's).",
        draw=partial(_draw_power, power),
    )
    smallest = smallest_change(
        gates,
        error=gates[0]["config"]["error"] / max(1, len(gates[0]["cases"])),
        budget_seconds=gates[0]["config"]["budget_seconds"],
    )
    found = describe_smallest(smallest)
    text = "\n".join(
        [
            f"# Self-test of the regression gate: {gates[0]['environment']['cpu']}\n",
            _introduction(gates, rates),
            "## Rates\n",
            f"{tables[0].markdown}\n{found[0].upper()}{found[1:]}.\n",
            "## Power\n",
            plot.markdown,
            tables[1].markdown,
        ]
    )
    return Section(text=text, tables=tables, plots=(plot,))


def _introduction(gates: Sequence[Mapping[str, Any]], rates: Sequence[Rate]) -> str:
    first, config, machine = gates[0], gates[0]["config"], gates[0]["environment"]
    cases = ", ".join(case["name"] for case in first["cases"])
    loops = format_count_of(first["neighbours"], "endless loop")
    beside = f" beside {loops}" if first["neighbours"] else ""
    commit = f" at commit `{first['commit'][:12]}`" if first["commit"] else ""
    most = max(rate.launches for rate in rates)
    return (
        f"{format_count_of(len(gates), 'gate')} compare this project with itself ({cases})"
        f"{beside}, without a change or with a planted slow-down: head repeats a part of its work. "
        f"`python -m bench gate --self-test` recorded them{commit} with "
        f"torch {machine['torch']} and {format_count_of(machine['threads'], 'thread')}; "
        f"`python -m bench report` generates this page from [`{FILE_NAME}`]({FILE_NAME}). "
        f"A gate had at most {config['max_launches']} launches and {config['budget_seconds']:g} s; "
        f"the slow-down with the most launches had {most:.1f} in the mean. The rates hold for this "
        "machine and these cases.\n"
    )


def _rates_table(rates: Sequence[Rate]) -> Table:
    cells = pd.DataFrame([rate_cells(rate) for rate in rates])
    data = pd.DataFrame(
        {
            "slow_down": rate.slow_down,
            "change": rate.change.mean,
            "change_low": rate.change.low,
            "change_high": rate.change.high,
            "num_gates": rate.failed.num_gates,
            "num_failed": rate.failed.count,
            "failed_low": rate.failed.low,
            "failed_high": rate.failed.high,
            "num_inconclusive": rate.num_inconclusive,
            "launches": rate.launches,
            "seconds": rate.seconds,
        }
        for rate in rates
    )
    note = (
        "*Measured*: head over base, mean over the gates with its 95 % interval. *Failed*: gates "
        "that called a case worse. *Launches*: mean number of a case. *Seconds*: median of a gate."
    )
    return Table(name="rates", cells=cells, data=data, note=note)


def _power_table(power: Sequence[Power]) -> Table:
    columns: dict[str, dict[int, str]] = {}
    for each in power:
        share = f"{each.found.count / each.found.num_gates:.0%}"
        columns.setdefault(_label(each.slow_down), {})[each.launches] = share
    cells = pd.DataFrame(columns).rename_axis("Launches").reset_index()
    data = pd.DataFrame(
        {
            "slow_down": each.slow_down,
            "launches": each.launches,
            "num_gates": each.found.num_gates,
            "num_found": each.found.count,
            "found_low": each.found.low,
            "found_high": each.found.high,
        }
        for each in power
    )
    note = "Gates that had failed after so many launches, by planted slow-down."
    return Table(name="power", cells=cells, data=data, note=note)


def _draw_power(power: Sequence[Power]) -> Figure:
    figure, axes = new_figure(height=3.8)
    slow_downs = list(dict.fromkeys(each.slow_down for each in power))
    for number, slow_down in enumerate(slow_downs):
        own = [each for each in power if each.slow_down == slow_down]
        offset = _OFFSET * (number - (len(slow_downs) - 1) / 2)
        places = [each.launches + offset for each in own]
        shares = [each.found.count / each.found.num_gates for each in own]
        below = [share - each.found.low for share, each in zip(shares, own, strict=True)]
        above = [each.found.high - share for share, each in zip(shares, own, strict=True)]
        axes.errorbar(
            places, shares, yerr=(below, above), label=_label(slow_down),
            color=COLOURS[number % len(COLOURS)], marker="o", markersize=4, linewidth=1.2,
            elinewidth=0.8,
        )  # fmt: skip
    axes.set_xticks(sorted({each.launches for each in power}))
    axes.set_xlabel("Launches of a case")
    axes.set_ylabel("Share of gates that failed")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(-0.03, 1.03)
    axes.legend(
        title="Planted slow-down", fontsize=8, title_fontsize=8, frameon=False,
        loc="center left", bbox_to_anchor=(1.0, 0.5),
    )  # fmt: skip
    return figure


def _label(slow_down: float) -> str:
    return f"{slow_down:.0%}" if slow_down else "none"
