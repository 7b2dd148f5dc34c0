"""The plot of the time breakdown."""

from bench.report.breakdown.plot import breakdown_plots
from bench.report.common.summary import summarize


def test_a_bar_for_each_subject_of_the_most_frequent_size(compared, make_stages):
    fhd = make_stages(resolution="FHD", width=1920, height=1080)
    (plot,) = breakdown_plots(summarize([*compared, fhd]))
    (axes,) = plot.draw().axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["vgg16", "vgg19-full", "reinhard"]
    texts = [text.get_text() for text in axes.texts]
    assert texts[:4] == ["60 %", "8 %", "30 %", "90.0 ms"]
    assert "HD 1280×720" in plot.caption
