"""Which Pareto plots there are, and their captions."""

from bench.report.common.summary import summarize
from bench.report.cost.scaling import scaling_plots
from bench.report.pareto.section import pareto_plots


def test_machines_are_never_plotted_together(records, make_cost):
    summary = summarize([*records, make_cost(device_name="Other CPU")])
    assert pareto_plots(summary) == scaling_plots(summary) == []


def test_plots_of_failures_alone_are_left_out(make_cost, make_quality):
    failed = [make_cost(status="oom"), make_quality(status="error", reason="broken")]
    summary = summarize(failed)
    assert pareto_plots(summary) == scaling_plots(summary) == []


def test_captions_name_front_dominated_and_absent(records):
    captions = {plot.name: plot.caption for plot in pareto_plots(summarize(records))}
    assert captions["style-ssim"] == (
        "On the Pareto front: vgg16 · zca, reinhard. Dominated: vgg16 · adain. "
        "Error bars: min to max. On fewer image pairs than the others: reinhard (1 of 2). "
        "Without trained weights, not evaluated: vgg19-full."
    )
    assert captions["latency-gram"] == (
        "On the Pareto front: vgg16 · zca, reinhard. Error bars: min to max. "
        "Not shown, latency not measured: vgg16 · adain."
    )
