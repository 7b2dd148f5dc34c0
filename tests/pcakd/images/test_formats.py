"""The table of formats."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pcakd.errors import OutputError
from pcakd.images import image_format, load_image, output_suffix
from pcakd.images.formats import READ_FORMATS, READ_SUFFIXES, WRITTEN_FORMATS


def test_format_comes_from_the_suffix():
    assert image_format("x/y.TIFF") == "TIFF"
    with pytest.raises(OutputError, match=r"'\.pdf'"):
        image_format(Path("a.pdf"))


def test_results_keep_their_suffix_where_it_can_be_written():
    names = ["a.JPG", "b.webp", "c.gif", "d.GIF"]
    assert [output_suffix(name) for name in names] == [".JPG", ".webp", ".png", ".png"]


def test_every_suffix_of_a_result_can_be_written():
    for suffix in READ_SUFFIXES:
        assert output_suffix(f"a{suffix}") in WRITTEN_FORMATS


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".gif", "GIF"), (".avif", "AVIF"), (".jp2", "JPEG2000")]
)
def test_formats_that_are_only_read(tmp_path, suffix, kind):
    if kind not in READ_FORMATS:
        pytest.skip(f"this Pillow has no decoder of {kind}")
    Image.new("RGB", (20, 18), (200, 40, 90)).save(tmp_path / f"a{suffix}", format=kind)
    assert suffix in READ_SUFFIXES
    np.testing.assert_allclose(
        load_image(tmp_path / f"a{suffix}")[:, 3, 3] * 255, (200, 40, 90), atol=6
    )


def test_formats_whose_decoders_start_programs_are_never_opened():
    assert not {"EPS", "PS", "PDF", "WMF", "FLI"} & {*READ_FORMATS}
