"""Training losses: read with any columns, drawn with a panel for each phase."""

from pathlib import Path

import pytest

from bench.records.store import append_record
from bench.report.common.figures import encode_figure, new_panels
from bench.report.common.summary import summarize
from bench.report.render import render_report
from bench.report.trainings.loss_plot import draw_phase, loss_plots
from bench.report.trainings.losses import read_losses, thin_out
from bench.report.trainings.section import make_section
from pcakd.errors import ConfigError

LOSSES = Path(__file__).parents[1] / "losses"


@pytest.fixture
def folder(tmp_path):
    """A run folder with the losses of a training by phases, and of one by pairs of blocks."""
    (tmp_path / "histories").mkdir()
    for name, source in (("mobilenet_v1", "phases"), ("vgg16", "blocks"), ("gone", "blocks")):
        (tmp_path / "histories" / f"{name}.csv").write_bytes(
            (LOSSES / f"{source}.csv").read_bytes()
        )
    return tmp_path


def write_losses(folder, text):
    (folder / "histories").mkdir()
    (folder / "histories" / "vgg16.csv").write_text(text)


def read(tmp_path, text):
    path = tmp_path / "any.csv"
    path.write_text(text)
    return read_losses(path)


def test_phases_are_in_order_with_the_terms_they_have():
    phases = read_losses(LOSSES / "phases.csv")
    assert [(phase.name, phase.terms) for phase in phases] == [
        ("encoder", ("loss", "tap1", "tap2", "tap3", "tap4")),
        ("decoders", ("loss", "decoder1", "decoder2", "decoder3", "decoder4")),
        ("stylization", ("loss", "style", "structure", "perceptual")),
    ]
    assert all(phase.is_positive for phase in phases)
    attempts = [(each.block, each.number, each.restarted) for each in phases[1].attempts]
    assert attempts == [
        ("1", 1, False), ("2", 1, False), ("3", 1, True), ("3", 2, False), ("4", 1, False),
    ]  # fmt: skip
    assert [each.last_step for each in phases[1].attempts] == [600, 600, 400, 600, 600]


def test_a_training_by_pairs_of_blocks_has_two_phases():
    encoder, second = read_losses(LOSSES / "blocks.csv")
    assert (encoder.name, encoder.terms) == ("encoder", ("loss", "a"))
    assert (second.name, second.terms) == ("pair", ("loss", "a", "b", "c", "d"))
    for phase in (encoder, second):  # the whole attempt was restarted
        assert [each.restarted for each in phase.attempts] == [False, True, False, False, False]


@pytest.mark.parametrize(("least", "bottom"), [(1e-8, 2e-5), (1e-3, None)])
def test_a_tiny_loss_does_not_flatten_the_others(tmp_path, least, bottom):
    (tmp_path / "any.csv").write_text(f"phase,step,loss,tiny\none,1,2,{least}\none,2,1,0.1\n")
    figure = new_panels(1, 1, 4, 3)[0]
    (axes,) = figure.axes
    (phase,) = read_losses(tmp_path / "any.csv")
    draw_phase(axes, phase)
    low, _ = axes.get_ylim()
    assert low == pytest.approx(bottom) if bottom else low < least


def test_all_numeric_columns_are_losses(tmp_path):
    text = "phase,step,mine,words,loss\none,1,2.5,no,-1\none,2,nan,no,3\none,x,1,no,1\none,3\n"
    (phase,) = read(tmp_path, text)
    assert phase.terms == ("loss", "mine")
    assert not phase.is_positive
    (attempt,) = phase.attempts
    assert attempt.series == {"loss": ((1.0, -1.0), (2.0, 3.0)), "mine": ((1.0, 2.5),)}
    assert (attempt.number, attempt.restarted) == (1, False)


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "phase,step\n", "phase,step,loss\nencoder,1,\n", "\0\n\0"]
)
def test_a_file_without_losses_gives_no_plot(tmp_path, make_quality, text):
    write_losses(tmp_path, text)
    assert loss_plots(summarize([make_quality()], tmp_path)) == []


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*none\.csv"):
        read_losses(tmp_path / "none.csv")


def test_long_series_are_means_of_neighbours():
    line = tuple((float(step), float(step % 2)) for step in range(1000))
    thin = thin_out(line)
    assert len(thin) == 200
    assert thin[0] == (2.0, 0.4)
    assert thin_out(line[:200]) == line[:200]


def test_a_plot_for_each_student_with_a_panel_for_each_phase(folder, make_quality):
    records = [make_quality("vgg16"), make_quality("mobilenet_v1"), make_quality("mkl")]
    plots = loss_plots(summarize(records, folder))
    assert [plot.name for plot in plots] == ["losses-mobilenet_v1", "losses-vgg16"]
    panels = plots[0].draw().axes
    assert [axes.get_title(loc="left") for axes in panels] == ["encoder", "decoders", "stylization"]
    assert {axes.get_yscale() for axes in panels} == {"log"}
    assert panels[1].get_xlim() == (0, 2800)
    names = [text.get_text() for text in panels[1].texts]
    assert names == [
        "block 1", "block 2", "block 3, attempt 1", "block 3, attempt 2", "block 4",
    ]  # fmt: skip
    assert len(panels[1].patches) == 1  # the shade of the restarted attempt
    legend = [text.get_text() for text in panels[2].get_legend().get_texts()]
    assert legend == ["loss", "style", "structure", "perceptual"]
    assert plots[0].caption.endswith("that were restarted (block 3, attempt 1).")


def test_losses_that_are_not_all_positive_are_linear(tmp_path, make_quality):
    write_losses(tmp_path, "phase,step,loss\none,1,2\none,2,-2\n")
    (plot,) = loss_plots(summarize([make_quality()], tmp_path))
    assert plot.draw().axes[0].get_yscale() == "linear"
    assert "restarted" not in plot.caption


def test_a_single_row_is_a_mark(tmp_path, make_quality):
    write_losses(tmp_path, "phase,step,loss\none,0,2\n")
    (plot,) = loss_plots(summarize([make_quality()], tmp_path))
    assert encode_figure(plot.draw(), "png")


def test_same_files_give_the_same_bytes(folder, make_quality):
    summary = summarize([make_quality("mobilenet_v1")], folder)
    for kind in ("png", "svg"):
        first, second = (loss_plots(summary)[0].draw() for _ in range(2))
        assert encode_figure(first, kind) == encode_figure(second, kind)


def test_text_is_the_golden_one(folder, make_quality, check_golden):
    records = [make_quality("vgg16+fp16", precision="fp16"), make_quality("mobilenet_v1")]
    check_golden("losses.md", make_section(summarize(records, folder)).text)


def test_further_trainings_are_not_drawn(folder, make_quality):
    (folder / "histories" / "vgg16-seed1.csv").write_bytes((LOSSES / "blocks.csv").read_bytes())
    records = [make_quality("vgg16"), make_quality("vgg16-seed1")]
    assert [plot.name for plot in loss_plots(summarize(records, folder))] == ["losses-vgg16"]


def test_the_page_links_the_plots_and_drops_them_with_their_files(tmp_path, make_quality):
    append_record(tmp_path, make_quality("my student"))
    (tmp_path / "histories").mkdir()
    copied = tmp_path / "histories" / "my student.csv"
    copied.write_bytes((LOSSES / "phases.csv").read_bytes())
    text = render_report(tmp_path).read_text()
    assert "## Training losses" in text
    assert "(plots/losses-my%20student.png)" in text
    assert (tmp_path / "plots" / "losses-my student.svg").is_file()
    copied.unlink()
    assert "Training losses" not in render_report(tmp_path).read_text()
    assert not list((tmp_path / "plots").glob("losses-*"))
