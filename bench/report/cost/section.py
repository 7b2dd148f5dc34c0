"""The section on cost: scaling, costs, predictions, speed ratios and the largest images."""

from bench.report.common.section import Section, plot_files, table_files
from bench.report.common.summary import Summary
from bench.report.cost.contention import contention_table
from bench.report.cost.largest_image import largest_image_table, largest_image_text
from bench.report.cost.prediction import prediction_table
from bench.report.cost.scaling import scaling_plots
from bench.report.cost.speed_ratios import speed_ratio_table
from bench.report.cost.tables import cost_table

FILES = (
    *plot_files("latency-resolution"),
    *table_files("cost", "contention", "predictions", "speed-ratios", "largest-image"),
)


def make_section(summary: Summary) -> Section:
    """Return the plot and the tables that the records have data for."""
    plots = scaling_plots(summary)
    tables = {
        "Cost": cost_table(summary),
        "Latency on a busy machine": contention_table(summary),
        "Accuracy of the predictions": prediction_table(summary),
        "Speed ratios": speed_ratio_table(summary),
    }
    shown = {title: table for title, table in tables.items() if not table.cells.empty}
    parts = [f"## {plot.title}\n\n{plot.markdown}" for plot in plots]
    parts += [f"## {title}\n\n{table.markdown}" for title, table in shown.items()]
    largest = largest_image_table(summary)
    if not largest.cells.empty:
        parts.append(largest_image_text(summary, largest))
        shown["Largest image"] = largest
    return Section(text="\n".join(parts), tables=tuple(shown.values()), plots=tuple(plots))
