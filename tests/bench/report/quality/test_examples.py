"""The sheet of examples."""

from io import BytesIO

import pytest
from PIL import Image

from bench.report.common.summary import summarize
from bench.report.quality.examples import CELL, draw_sheet, evaluated_subjects
from bench.report.quality.section import EXAMPLES_NAME, make_section
from pcakd.errors import ImageError


def test_a_damaged_example(tmp_path):
    (tmp_path / "01").mkdir()
    (tmp_path / "01" / "content.jpg").write_bytes(b"not an image")
    with pytest.raises(ImageError, match=r"content\.jpg"):
        draw_sheet(tmp_path, {"01": {"vgg16"}})


def test_no_examples_give_no_sheet(tmp_path):
    assert draw_sheet(tmp_path, {"01": {"vgg16"}}) is None
    assert draw_sheet(tmp_path / "absent", {"01": {"vgg16"}}) is None


def test_images_without_a_record_are_left_out(tmp_path, make_quality):
    records = [
        make_quality("vgg16"),
        make_quality("content"),  # the input, which has its column
        make_quality("mkl", status="error", reason="broken"),
        make_quality("mkl", pair="02"),
    ]
    for pair in ("01", "02", "03"):
        (tmp_path / pair).mkdir()
        for name in ("content", "style", "vgg16", "mkl", "gone"):
            colour = "red" if name in ("gone", "mkl") else "teal"
            Image.new("RGB", CELL, colour).save(tmp_path / pair / f"{name}.jpg")
    sheet = draw_sheet(tmp_path, evaluated_subjects(records), order=["vgg16", "mkl"])
    with Image.open(BytesIO(sheet)) as image:
        rows, columns = image.height // CELL[1], image.width // CELL[0]
        step = (CELL[0] + 6, CELL[1] + 6)
        pixels = [
            [image.getpixel((100 + c * step[0], 60 + r * step[1])) for c in range(columns)]
            for r in range(rows)
        ]
    assert (rows, columns) == (2, 4)
    red = [[pixel[0] > 220 and pixel[1] < 60 for pixel in row] for row in pixels]
    assert red == [[False] * 4, [False, False, False, True]]


def test_the_page_shows_the_sheet_without_external_results(tmp_path, make_quality):
    pair = tmp_path / "examples" / "01"
    pair.mkdir(parents=True)
    for name in ("content", "vgg16"):
        Image.new("RGB", CELL, "teal").save(pair / f"{name}.jpg")
    config = {"outputs": "files", "quality_max_side": 512}
    records = [make_quality(), make_quality("tool", transform="none", config=config)]
    section = make_section(summarize(records, tmp_path))
    assert set(section.images) == {EXAMPLES_NAME}
    assert "external results are not shown" in section.text
