"""What a section of a report consists of: text, tables, plots and images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol
from urllib.parse import quote

import pandas as pd
from matplotlib.figure import Figure

from bench.report.common.summary import Summary
from bench.report.common.tables import to_csv, to_latex, to_markdown

TABLE_SUFFIXES = (".md", ".tex", ".csv")
PLOT_SUFFIXES = (".png", ".svg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the page, which is also written to ``tables/NAME.{md,tex,csv}``.

    Attributes:
        name: Stem of the file names.
        cells: Formatted text cells.
        data: Raw numbers for the CSV file; None for a table without one.
        note: Markdown that explains the columns; it stands above the table.
        column_formats: LaTeX column formats that differ from ``l`` and ``r``, by column title.
    """

    name: str
    cells: pd.DataFrame
    data: pd.DataFrame | None = None
    note: str = ""
    column_formats: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def markdown(self) -> str:
        """The note and the table as Markdown."""
        return (f"{self.note}\n\n" if self.note else "") + to_markdown(self.cells)

    def files(self) -> dict[str, str]:
        """Return the contents of the table's files by name."""
        note = "".join(f"% {line}\n" for line in self.note.splitlines() if line)
        latex = note + to_latex(self.cells, formats=self.column_formats)
        texts = {f"{self.name}.md": self.markdown, f"{self.name}.tex": latex}
        if self.data is not None:
            texts[f"{self.name}.csv"] = to_csv(self.data)
        return texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot of the page, which is also written to ``plots/NAME.{png,svg}``.

    Attributes:
        name: Stem of the file names.
        title: Heading or alternative text.
        caption: What the plot shows, in words.
        draw: Draws the figure.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[], Figure]

    @property
    def markdown(self) -> str:
        """The image and its caption as Markdown."""
        return f"![{self.title}](plots/{quote(self.name)}.png)\n\n{self.caption}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the page with its files; without text it is left out of the page.

    Attributes:
        text: Markdown, headings included.
        tables: Tables to write.
        plots: Plots to write.
        images: Contents of other image files by name.
    """

    text: str = ""
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    images: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))


class SectionModule(Protocol):
    """What the module ``section`` of each section's folder offers."""

    @property
    def FILES(self) -> tuple[str, ...]:  # noqa: N802 - a module constant
        """Patterns of all files that the section may write, relative to the run folder."""

    def make_section(self, summary: Summary) -> Section:
        """Return the section of a report; an empty one where the records have nothing for it."""


def table_files(*names: str) -> tuple[str, ...]:
    """Return the paths of tables, for `SectionModule.FILES`.

    >>> table_files("cost")
    ('tables/cost.md', 'tables/cost.tex', 'tables/cost.csv')
    """
    return tuple(f"tables/{name}{suffix}" for name in names for suffix in TABLE_SUFFIXES)


def plot_files(*names: str) -> tuple[str, ...]:
    """Return the paths of plots, for `SectionModule.FILES`.

    >>> plot_files("curves")
    ('plots/curves.png', 'plots/curves.svg')
    """
    return tuple(f"plots/{name}{suffix}" for name in names for suffix in PLOT_SUFFIXES)
