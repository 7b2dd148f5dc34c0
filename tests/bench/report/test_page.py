"""The whole page and the console table against golden files; sections and their files."""

import ast
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path

import bench.report
from bench.report.common.summary import summarize
from bench.report.page import SECTIONS, make_sections, write_page
from bench.report.render import console_table

FOLDER = Path(bench.report.__file__).parent


def test_texts_are_the_golden_ones(records, check_golden):
    summary = summarize(records)
    sections = make_sections(summary)
    check_golden("README.md", write_page(summary, sections))
    check_golden("console.txt", console_table(records) + "\n")
    tables = {table.name: table.files() for section in sections for table in section.tables}
    for name in ("overview.tex", "quality.tex", "cost.csv", "quality.csv"):
        check_golden(name, tables[name.partition(".")[0]][name])


def test_the_page_lists_commits_torch_releases_and_machines(records, make_cost):
    def page(*more):
        summary = summarize([*records, *more])
        return write_page(summary, make_sections(summary))

    assert "| Commit" not in page()
    other = make_cost("late", commit="f" * 40, environment={"torch": "2.8.0"})
    text = page(other)
    assert "> **Note.** The records come from 2 commits ([list](#environment))." in text
    assert "> **Note.** The records come from 2 torch releases ([list](#environment))." in text
    lines = [line.split("|")[1:-1] for line in text.splitlines() if "Some CPU, 2 threads" in line]
    assert [[cell.strip() for cell in line] for line in lines] == [
        ["0123abc", "2.9.0", "cpu, Some CPU, 2 threads", str(len(records))],
        ["f" * 12, "2.8.0", "cpu, Some CPU, 2 threads", "1"],
    ]


def test_every_cell_has_text(records):
    for section in make_sections(summarize(records)):
        for table in section.tables:
            assert not table.cells.isin(["", "nan", "None", None]).any(axis=None)


def test_sections_write_only_files_that_they_declare(
    records, compared, make_curve, make_capacity, make_pair
):
    more = [make_curve(strength=1.0), make_capacity(tried={80: True, 81: False}), make_pair()]
    summary = summarize([*records, *compared, *more])
    for module in SECTIONS:
        section = module.make_section(summary)
        written = [f"tables/{name}" for table in section.tables for name in table.files()]
        written += [f"plots/{plot.name}.png" for plot in section.plots]
        assert all(any(fnmatch(name, each) for each in module.FILES) for name in written)


def test_every_folder_is_a_section_of_the_page():
    folders = {path.parent.name for path in FOLDER.glob("*/section.py")} - {"common"}
    assert {module.make_section.__module__.split(".")[2] for module in SECTIONS} == folders
    assert folders | {"common"} == {path.parent.name for path in FOLDER.glob("*/__init__.py")}


def test_data_flows_one_way_between_the_folders():
    """Sections import shared code and other sections without a cycle, and never the page."""
    imports: dict[str, set[str]] = {}
    for path in FOLDER.glob("*/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bench.report."):
                target = node.module.split(".")[2]
                imports.setdefault(path.parent.name, set()).add(target)
    graph = {folder: targets - {folder} for folder, targets in imports.items()}
    assert graph["common"] == set()
    assert not any({"page", "render"} & targets for targets in graph.values())
    assert next(iter(TopologicalSorter(graph).static_order())) == "common"
