"""A TIFF file that is not read says which property of it is not supported."""

import pytest
from image_files import one_line, tiff_file

from pcakd.errors import ImageError
from pcakd.images import load_image
from pcakd.images.tiff import describe_tiff

COLOUR = {"SamplesPerPixel": 3, "PhotometricInterpretation": 2}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"BitsPerSample": (12, 12, 12), **COLOUR}, "3 samples of 12 bits (RGB)"),
        (
            {"BitsPerSample": (32, 32, 32), "SampleFormat": (3, 3, 3), **COLOUR},
            "3 floating-point samples of 32 bits (RGB)",
        ),
        (
            {"BitsPerSample": (16, 16, 16), **COLOUR, "PhotometricInterpretation": 8},
            "3 samples of 16 bits (CIELAB)",
        ),
        (
            {"BitsPerSample": (16, 16), "SamplesPerPixel": 2, "ExtraSamples": 2},
            "2 samples of 16 bits (grey)",
        ),
        ({"BitsPerSample": 14}, "1 sample of 14 bits (grey)"),
        (
            {"BitsPerSample": 14, "PhotometricInterpretation": 0},
            "1 sample of 14 bits (grey, 0 is white)",
        ),
    ],
)
def test_an_unsupported_file_is_described(tmp_path, tags, expected):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_file(2, 1, bytes(64), **tags))
    assert describe_tiff(path) == expected
    with pytest.raises(ImageError) as error:
        load_image(path)
    one_line(error, "a.tif", expected, "not supported")


@pytest.mark.parametrize("data", [b"", b"II*\0", b"II*\0\xff\xff\0\0", b"\x89PNG\r\n\x1a\n"])
def test_other_and_damaged_files_have_no_description(tmp_path, data):
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    assert describe_tiff(path) is None
    with pytest.raises(ImageError) as error:
        load_image(path)
    one_line(error, "a.tif")
