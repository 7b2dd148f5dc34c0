"""Tables of an analysis as Markdown, LaTeX and CSV."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from statistics import median
from typing import Any

from tabulate import tabulate

from pcakd.analysis.results import Analysis, ChannelCosts, LatencyResult, TapResult
from pcakd.analysis.spectra import SHARES
from pcakd.analysis.stability import settled_at
from pcakd.costs import relative_errors

_MIB = 2**20
_NS_PER_MS = 1e6
_EXTRAPOLATED = " (extrapolated at sizes that the latency model was not fitted to)"
_RESOLUTION_COLUMNS = ("HD", "FHD", "QHD", "4K", "5K", "8K")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        name: Stem of its files.
        note: What its columns are.
        columns: Their titles.
        cells: Text, row by row.
        numbers: Raw numbers for the CSV file, by column, row by row.
    """

    name: str
    note: str
    columns: tuple[str, ...]
    cells: Sequence[Sequence[str]]
    numbers: Sequence[dict[str, Any]]

    @property
    def markdown(self) -> str:
        """The note and the table."""
        return f"{self.note}\n\n{self._format('pipe')}\n"

    def files(self) -> dict[str, str]:
        """Return the contents of the table's files by name."""
        comment = "".join(f"% {line}\n" for line in self.note.splitlines())
        return {
            f"{self.name}.md": self.markdown,
            f"{self.name}.tex": f"{comment}{self._format('latex_booktabs')}\n",
            f"{self.name}.csv": to_csv(self.numbers),
        }

    def _format(self, style: str) -> str:
        aligned = ["left", *["right"] * (len(self.columns) - 1)]
        rows, columns = self.cells, list(self.columns)
        if style != "pipe":  # code marks are Markdown's
            rows = [[cell.replace("`", "") for cell in row] for row in rows]
            columns = [column.replace("`", "") for column in columns]
        return tabulate(rows, columns, tablefmt=style, colalign=aligned, disable_numparse=True)


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Write rows with full precision; the first names the columns."""
    stream = StringIO()
    writer = csv.DictWriter(stream, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def spectra_table(analysis: Analysis) -> Table:
    """Return the ranks of each tap: effective, and those that reach a share of the variance."""
    cells, numbers = [], []
    for tap in analysis.taps:
        own = tap.own_effective_rank
        row = {"tap": tap.name, "channels": tap.channels, "effective_rank": tap.effective_rank}
        row |= {"own_effective_rank": own.mean, "own_low": own.low, "own_high": own.high}
        shown = [f"{tap.effective_rank:.1f}", f"{own.mean:.1f} [{own.low:.1f}, {own.high:.1f}]"]
        for share in SHARES:
            ranks = [_rank_at(curve, share) for curve in (tap.mcev, tap.captured)]
            row |= {f"rank_mcev_{share:g}": ranks[0], f"rank_captured_{share:g}": ranks[1]}
            shown.append(f"{ranks[0]} / {ranks[1]}")
        cells.append([f"`{tap.name}`", str(tap.channels), *shown])
        numbers.append(row)
    note = (
        "Effective rank: the exponential of the entropy of the eigenvalues' shares; of the average "
        "covariance, and the mean over photographs of their own with the 10th and 90th percentile. "
        "Ranks at a share of the variance: of each photograph's own components (mcev, the paper's "
        "rule) / of the global basis."
    )
    columns = (
        "Tap", "Channels", "Effective rank", "of a photograph", *(f"Rank at {s:g}" for s in SHARES)
    )  # fmt: skip
    return Table(name="spectra", note=note, columns=columns, cells=cells, numbers=numbers)


def ranks_table(analysis: Analysis) -> Table:
    """Return what the ranks of interest hold of each tap."""
    cells, numbers = [], []
    for name, ranks in analysis.ranks.items():
        shown = [name, ",".join(map(str, ranks))]
        row: dict[str, Any] = {"ranks": name}
        for number, (tap, rank) in enumerate(zip(analysis.taps, ranks, strict=True), start=1):
            held, captured = tap.mcev[rank - 1], tap.captured[rank - 1]
            shown.append(f"{held:.3f} / {captured:.3f}")
            row |= {f"rank_{number}": rank, f"mcev_{number}": held, f"captured_{number}": captured}
        cells.append(shown)
        numbers.append(row)
    note = (
        "Share of the variance at each tap: of each photograph's own components (mcev) / of the "
        "global basis, both averaged over photographs. The difference is what one basis for all "
        "photographs costs."
    )
    columns = ("Ranks", "K1,K2,K3,K4", *(f"`{tap.name}`" for tap in analysis.taps))
    return Table(name="ranks", note=note, columns=columns, cells=cells, numbers=numbers)


def curves_table(analysis: Analysis) -> Table:
    """Return all curves; only its CSV file is useful."""
    numbers = [
        {
            "tap": tap.name,
            "rank": rank,
            "eigenvalue": tap.eigenvalues[rank - 1],
            "explained": tap.explained[rank - 1],
            "mcev": tap.mcev[rank - 1],
            "mcev_deviation": tap.mcev_deviation[rank - 1],
            "captured": tap.captured[rank - 1],
        }
        for tap in analysis.taps
        for rank in range(1, tap.channels + 1)
    ]
    return Table(name="curves", note="", columns=(), cells=[], numbers=numbers)


def stability_table(analysis: Analysis) -> Table | None:
    """Return the comparison of halves at the reference ranks; None with too few photographs."""
    cells, numbers = [], []
    for tap, rank in zip(analysis.taps, analysis.ranks[analysis.reference], strict=True):
        halves = tap.halves[rank]
        if not halves:
            return None
        last, settled = halves[-1], settled_at(halves)
        cells.append(
            [
                f"`{tap.name}`", str(rank), f"{last.rms_angle:.1f}°", f"{last.largest_angle:.1f}°",
                f"{100 * last.lost:.2f} %", "not yet" if settled is None else str(settled),
            ]
        )  # fmt: skip
        numbers += [
            {
                "tap": tap.name,
                "rank": rank_of,
                "photographs": each.photographs,
                "rms_angle": each.rms_angle,
                "largest_angle": each.largest_angle,
                "lost": each.lost,
            }
            for rank_of, comparisons in tap.halves.items()
            for each in comparisons
        ]
    count = analysis.taps[0].halves[analysis.ranks[analysis.reference][0]][-1].photographs
    note = (
        f"Two halves of the photographs, {count} each, at the {analysis.reference} ranks: root "
        "mean square and largest principal angle between their bases, and the share of the "
        "variance that the other half's basis loses; averaged over five random divisions. Settled: "
        "photographs a half from which the root mean square stays within 1° of its last value."
    )
    columns = ("Tap", "Rank", "RMS angle", "Largest angle", "Variance lost", "Settled at")
    return Table(name="stability", note=note, columns=columns, cells=cells, numbers=numbers)


def channel_costs_table(analysis: Analysis) -> Table:
    """Return what one channel more at each tap costs at the reference ranks."""
    ranks = analysis.ranks[analysis.reference]
    cells, numbers = [], []
    for tap, costs, rank in zip(analysis.taps, analysis.costs, ranks, strict=True):
        row = _one_more(tap, costs, rank)
        numbers.append({"tap": tap.name, "rank": rank, **row})
        shown = [f"{row['num_params']:,.0f}", f"{row['macs']:.1f}", f"{row['map_bytes']:.2f}"]
        shown.append(f"{row['peak_bytes_8K'] / _MIB:.1f}")
        if costs.latency_ns:
            shown += [f"{row[f'latency_ns_{name}'] / _NS_PER_MS:.2f}" for name in _sizes(costs)]
        cells.append([f"`{tap.name}`", str(rank), f"{row['mcev']:.4f}", *shown])
    timed = [f"{name} ms" for name in _sizes(analysis.costs[0])]
    note = (
        f"One channel more at a tap, from the {analysis.reference} ranks on: what mcev it adds "
        "there, and what it costs: parameters, multiply-adds of the content path and bytes that "
        "maps move (both for each pixel of the content), peak memory at 8K on a CPU"
        + (f", and predicted milliseconds{_EXTRAPOLATED}" if timed else "")
        + ". Parameters, multiply-adds, bytes and memory are counted from the architecture."
    )
    columns = (
        "Tap", "Rank", "mcev", "Parameters", "MACs/px", "Bytes/px", "MiB at 8K", *timed
    )  # fmt: skip
    return Table(name="channel-costs", note=note, columns=columns, cells=cells, numbers=numbers)


def latency_table(latency: LatencyResult) -> Table:
    """Return the error of the latency model at each resolution."""
    errors = relative_errors(latency.model, latency.samples)
    names = dict.fromkeys(
        sample.resolution for sample in sorted(latency.samples, key=lambda each: each.pixels)
    )
    cells, numbers = [], []
    for name in [*names, "all"]:
        own = [
            (error, sample)
            for error, sample in zip(errors, latency.samples, strict=True)
            if name in ("all", sample.resolution)
        ]
        held_out = [abs(error) for error, sample in own if sample.held_out]
        fitted = [abs(error) for error, sample in own if not sample.held_out]
        row = {
            "resolution": name,
            "fitted": len(fitted),
            "fitted_error": median(fitted),
            "held_out": len(held_out),
            "held_out_error": median(held_out),
            "held_out_largest": max(held_out),
        }  # each size has both kinds: `pcakd.analysis.timing`
        numbers.append(row)
        cells.append(
            [
                name, str(len(fitted)), f"{row['fitted_error']:.1%}", str(len(held_out)),
                f"{row['held_out_error']:.1%}", f"{row['held_out_largest']:.1%}",
            ]
        )  # fmt: skip
    left_out = f" Too large for the memory: {', '.join(latency.left_out)}." * bool(latency.left_out)
    note = (
        f"Median absolute error of the latency model on `{latency.device_name}` with "
        f"{latency.threads} threads, on the students it was fitted to and on others.{left_out}"
    )
    columns = ("Resolution", "Fitted", "Error", "Held out", "Error of these", "Largest")
    return Table(name="latency", note=note, columns=columns, cells=cells, numbers=numbers)


def _one_more(tap: TapResult, costs: ChannelCosts, rank: int) -> dict[str, float]:
    """Return the differences between a rank and the next one (the last rank: the one before)."""
    low = min(rank, tap.channels - 1) if tap.channels > 1 else 1
    high = min(low + 1, tap.channels)

    def step(curve: Sequence[float]) -> float:
        return curve[high - 1] - curve[low - 1]

    row = {
        "mcev": step(tap.mcev),
        "num_params": step(costs.num_params),
        "macs": step(costs.macs),
        "map_bytes": step(costs.map_bytes),
    }
    row |= {f"peak_bytes_{name}": step(curve) for name, curve in costs.peak_bytes.items()}
    return row | {f"latency_ns_{name}": step(curve) for name, curve in costs.latency_ns.items()}


def _sizes(costs: ChannelCosts) -> list[str]:
    return [name for name in _RESOLUTION_COLUMNS if name in costs.latency_ns]


def _rank_at(curve: Sequence[float], share: float) -> int:
    return next(
        (rank for rank, value in enumerate(curve, start=1) if value >= share - 1e-12), len(curve)
    )
