"""The page of an analysis, with its tables and plots."""

from pathlib import Path

from pcakd.analysis.plots import draw_channel_costs, draw_spectra, draw_stability, encode
from pcakd.analysis.results import FILE_NAME, Analysis
from pcakd.analysis.tables import (
    Table,
    channel_costs_table,
    curves_table,
    latency_table,
    ranks_table,
    spectra_table,
    stability_table,
)
from pcakd.errors import OutputError
from pcakd.utils.files import make_folder, write_atomically, write_text

PAGE_NAME = "README.md"
_SUFFIXES = ("png", "svg")
_TABLES = ("spectra", "ranks", "curves", "stability", "channel-costs", "latency")
_PLOTS = ("spectra", "stability", "channel-costs")


def require_own_folder(folder: Path) -> None:
    """Check that a page would not replace the ``README.md`` of something else.

    Raises:
        OutputError: It would.
    """
    if (folder / PAGE_NAME).exists() and not (folder / FILE_NAME).exists():
        raise OutputError(
            f"{folder} has a {PAGE_NAME} and no {FILE_NAME}: it is not an analysis; name another "
            "folder"
        )


def write_page(folder: Path, analysis: Analysis) -> Path:
    """Write ``README.md``, ``tables/`` and ``plots/`` of an analysis; return the page's path.

    Raises:
        OutputError: The folder cannot be written.
    """
    stability = stability_table(analysis)
    latency = latency_table(analysis.latency) if analysis.latency else None
    tables = [spectra_table(analysis), ranks_table(analysis), curves_table(analysis)]
    tables += [each for each in (stability, latency) if each]
    plots = {"spectra": draw_spectra(analysis)}
    if stability:
        plots["stability"] = draw_stability(analysis)
    if analysis.costs:
        tables.append(channel_costs_table(analysis))
        plots["channel-costs"] = draw_channel_costs(analysis)
    for kind, names, suffixes in (
        ("tables", _TABLES, ("md", "tex", "csv")),
        ("plots", _PLOTS, _SUFFIXES),
    ):
        make_folder(folder / kind)
        for name in names:  # of an earlier analysis, which this one may not have
            for suffix in suffixes:
                (folder / kind / f"{name}.{suffix}").unlink(missing_ok=True)
    for table in tables:
        for name, text in table.files().items():
            if table.cells or name.endswith(".csv"):
                write_text(folder / "tables" / name, text)
    for name, figure in plots.items():
        for suffix in _SUFFIXES:
            with write_atomically(folder / "plots" / f"{name}.{suffix}") as stream:
                stream.write(encode(figure, suffix))
    write_text(folder / PAGE_NAME, _text(analysis, {table.name: table for table in tables}))
    return folder / PAGE_NAME


def _text(analysis: Analysis, tables: dict[str, Table]) -> str:
    sets = analysis.teacher["weight_set"]
    sets = sets if " " in sets else f"`{sets}`"
    sections = [
        f"# Analysis of {analysis.backbone}\n",
        f"`pcakd analyze` made this page from {analysis.photographs['photographs']} photographs "
        f"(central squares of {analysis.photographs['crop']} px) with the weights {sets}. "
        f"[`{FILE_NAME}`]({FILE_NAME}) holds all numbers, `spectra.safetensors` all principal "
        "components (`pcakd distill --bases` and `pcakd plan` take them). Nothing was trained: "
        "what a student of these ranks reaches is another question.\n",
        "## Spectra\n",
        _plot("spectra", "Share of the variance against the rank, by tap"),
        tables["spectra"].markdown,
        tables["ranks"].markdown,
    ]
    if "stability" in tables:
        sections += [
            "## Stability\n",
            _plot("stability", "Angles between the bases of two halves of the photographs"),
            tables["stability"].markdown,
        ]
    if "channel-costs" in tables:
        sections += [
            "## What a channel costs\n",
            _plot("channel-costs", "Cost of a student against the rank of each tap"),
            tables["channel-costs"].markdown,
        ]
    if "latency" in tables:
        sections += ["## Latency model\n", tables["latency"].markdown]
    return "\n".join(sections)


def _plot(name: str, title: str) -> str:
    return f"![{title}](plots/{name}.png)\n"
