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


def test_the_unchanged_content_is_a_reference_and_on_no_front(make_cost, make_quality):
    best = {"transform": "none", "gram": 0.1, "ssim": 1.0, "lpips": 0.0}
    records = [
        make_cost(), make_cost("content", transform="none", latency_ns=[1_000_000] * 6),
        make_quality(), make_quality("content", **best),
    ]  # fmt: skip
    plots = pareto_plots(summarize(records))
    assert len(plots) == 5
    for plot in plots:
        assert plot.caption.startswith(
            "On the Pareto front: vgg16 · zca. "
            "Never on the front, because it is no method: content (reference)."
        )
        figure = plot.draw()
        (axes,) = figure.axes
        assert "content (reference)" in {text.get_text() for text in axes.texts}
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()][:3] == [
            "Pareto front", "reference", "zca"
        ]  # fmt: skip
        crosses = [line for line in axes.get_lines() if line.get_marker() == "x"]
        assert [len(line.get_xdata()) for line in crosses] == [1, 0]  # itself, and the legend's


def test_a_reference_alone_has_no_front(make_quality):
    plots = pareto_plots(summarize([make_quality("content", transform="none")]))
    assert {plot.name for plot in plots} == {"style-ssim", "style-lpips"}
    for plot in plots:
        assert plot.caption.startswith("Never on the front")
        plot.draw()


def test_bars_are_said_to_vary_between_image_pairs(make_quality):
    records = [make_quality(pair=f"0{n}", gram=n / 10) for n in range(1, 7)]
    (plot, _) = pareto_plots(summarize(records))
    assert "Error bars: 95 % interval." in plot.caption
    assert "show the variation between image pairs, which all subjects share" in plot.caption


def test_long_bars_do_not_hide_the_points_and_are_said_to_go_on(make_quality):
    values = [*[0.2] * 5, 4.0]
    records = [make_quality(pair=f"0{n}", gram=value) for n, value in enumerate(values)]
    records += [make_quality("other", pair=f"0{n}", gram=v + 0.1) for n, v in enumerate(values)]
    (plot, _) = pareto_plots(summarize(records))
    assert plot.caption.endswith("Bars that reach the frame go on.")
    (axes,) = plot.draw().axes
    low, high = axes.get_ylim()
    mean = 5 / 6
    assert mean - 0.2 < low < mean - 0.1
    assert mean + 0.2 < high < mean + 0.3
    short = [record for record in records if record.case.pair < "05"]
    assert "go on" not in pareto_plots(summarize(short))[0].caption


def test_captions_name_front_dominated_and_absent(records):
    captions = {plot.name: plot.caption for plot in pareto_plots(summarize(records))}
    assert captions["style-ssim"] == (
        "On the Pareto front: vgg16 · zca, reinhard. Dominated: vgg16 · adain. "
        "On fewer image pairs than the others: reinhard (1 of 2). "
        "Without trained weights, not evaluated: vgg19-full."
    )
    assert captions["latency-gram"] == (
        "On the Pareto front: vgg16 · zca, reinhard. "
        "Not shown, latency not measured: vgg16 · adain."
    )
