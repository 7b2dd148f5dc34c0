"""Tables as Markdown and LaTeX, and the column that names the machine."""

from bench.report.common.summary import summarize
from bench.report.common.tables import to_latex, to_markdown
from bench.report.cost.tables import cost_table
from bench.report.overview.tables import overview_table
from bench.report.render import console_table


def test_hostile_names_cannot_break_a_table(make_cost):
    table = overview_table(summarize([make_cost("a|b_{c}%&\\input{x}")])).cells
    assert "a\\|b" in to_markdown(table)
    latex = to_latex(table)
    assert r"a|b\_\{c\}\%\&\textbackslash input\{x\}" in latex


def test_machines_get_a_column(records, make_cost):
    several = [*records, make_cost(device_name="Other CPU")]
    assert set(cost_table(summarize(several)).cells["Machine"]) == {"A", "B"}
    assert "not comparable" in console_table(several)
