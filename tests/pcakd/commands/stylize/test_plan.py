"""What ``pcakd stylize`` will write, and what it refuses before the work."""

import os
from pathlib import Path

import pytest

from pcakd.commands.stylize.plan import make_plan
from pcakd.errors import ImageError, OutputError


@pytest.fixture
def holiday(tmp_path, monkeypatch):
    """Return a folder with empty files of many names; the plan opens none."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.PNG", "c.gif", "notes.txt", "day2/a.jpg", "day2/d.webp"):
        path = Path("holiday", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    Path("style.png").touch()
    return Path("holiday")


def targets(plan):
    return [str(job.target) for job in plan.jobs]


def test_one_photograph_and_a_file(holiday):
    plan = make_plan([holiday / "a.jpg"], "out.png")
    assert targets(plan) == ["out.png"]
    assert plan.single
    assert not plan.into_folder


@pytest.mark.parametrize("output", ["out/", "day2"])
def test_one_photograph_and_a_folder(holiday, output):
    Path("day2").mkdir()
    plan = make_plan([holiday / "c.gif"], output)
    assert targets(plan) == [str(Path(output, "c.png"))]
    assert plan.into_folder


def test_a_folder(holiday):
    plan = make_plan([holiday], "out")
    assert targets(plan) == ["out/a.jpg", "out/b.PNG", "out/c.png"]
    assert plan.unread == [holiday / "notes.txt"]
    assert not plan.single


def test_a_folder_with_the_folders_inside_it(holiday):
    plan = make_plan([holiday], "out", recursive=True, suffix=".tif")
    assert targets(plan) == [f"out/{name}.tif" for name in ("a", "b", "c", "day2/a", "day2/d")]


def test_results_inside_the_folder_are_not_read_again(holiday):
    plan = make_plan([holiday], "holiday/day2", recursive=True)
    assert [job.source.name for job in plan.jobs] == ["a.jpg", "b.PNG", "c.gif"]


def test_a_photograph_that_is_named_twice_is_done_once(holiday):
    plan = make_plan([holiday / "a.jpg", holiday, Path("./holiday/a.jpg")], "out")
    assert targets(plan) == ["out/a.jpg", "out/b.PNG", "out/c.png"]


def test_two_photographs_for_one_result_are_refused(holiday):
    with pytest.raises(OutputError, match=r"holiday/a\.jpg and holiday/day2/a\.jpg would both"):
        make_plan([holiday, holiday / "day2"], "out")
    (holiday / "a.gif").touch()
    with pytest.raises(OutputError, match=r"a\.gif and holiday/a\.jpg would both"):
        make_plan([holiday], "out", suffix=".png")


def test_a_name_that_is_no_image_gets_a_suffix(holiday):
    assert targets(make_plan([holiday / "notes.txt"], "out/")) == ["out/notes.png"]


def test_existing_results_can_be_left_out(holiday):
    Path("out").mkdir()
    Path("out/b.PNG").touch()
    plan = make_plan([holiday], "out", skip_existing=True)
    assert targets(plan) == ["out/a.jpg", "out/c.png"]
    assert plan.existing == [Path("out/b.PNG")]


def _symbolic(source, target):
    target.symlink_to(source.resolve())


@pytest.mark.parametrize("link", [_symbolic, lambda s, t: os.link(s, t)], ids=["symbolic", "hard"])
def test_inputs_are_never_overwritten_through_links(holiday, link):
    Path("out").mkdir()
    link(holiday / "a.jpg", Path("out/b.PNG"))
    with pytest.raises(OutputError, match=r"out/b\.PNG is one of the inputs"):
        make_plan([holiday], "out")
    Path("out/b.PNG").unlink()
    link(Path("style.png"), Path("out/a.jpg"))
    with pytest.raises(OutputError, match=r"out/a\.jpg is one of the inputs"):
        make_plan([holiday], "out", other_inputs=[Path("style.png")])


def test_contents_that_are_links_into_the_output_are_not_overwritten(holiday):
    Path("links").mkdir()
    for name in ("a.jpg", "b.PNG"):
        Path("links", name).symlink_to((holiday / name).resolve())
    with pytest.raises(OutputError, match="one of the inputs"):
        make_plan([Path("links")], "holiday")


def test_the_folder_of_the_photographs_is_no_output(holiday):
    for output in ("holiday", "holiday/", "holiday/day2/.."):
        with pytest.raises(OutputError, match="is the folder of the photographs"):
            make_plan([holiday], output)


@pytest.mark.parametrize(
    ("contents", "output", "message"),
    [
        (["holiday"], "out.jpg", "named like an image"),
        (["holiday/a.jpg", "holiday/b.PNG"], "out.jpg", "named like an image"),
        (["holiday"], "holiday/notes.txt", "it is a file"),
        (["holiday/a.jpg"], "out", "suffix ''"),
        (["holiday/a.jpg"], "none/out.png", "does not exist"),
    ],
)
def test_outputs_that_do_not_fit(holiday, contents, output, message):
    with pytest.raises(OutputError, match=message):
        make_plan([*map(Path, contents)], output)


def test_a_file_of_another_format_than_asked_for(holiday):
    with pytest.raises(OutputError, match="does not fit --format jpg"):
        make_plan([holiday / "a.jpg"], "out.png", suffix=".jpg")
    assert targets(make_plan([holiday / "a.jpg"], "out.jpeg", suffix=".jpg")) == ["out.jpeg"]


def test_folders_without_images(holiday):
    Path("empty/inner").mkdir(parents=True)
    with pytest.raises(ImageError, match=r"empty holds no image .*--recursive"):
        make_plan([Path("empty")], "out")
    plan = make_plan([Path("empty"), holiday], "out")
    assert len(plan.problems) == 1
    assert len(plan.jobs) == 3
