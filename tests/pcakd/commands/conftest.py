"""Photographs and a student for the commands."""

import numpy as np
import pytest
from PIL import Image

from pcakd.students import StudentSpec, create_student, save_student


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Return a folder with a student, a style and photographs of odd kinds."""
    path = tmp_path_factory.mktemp("cli")
    save_student(
        path / "tiny.safetensors",
        create_student(StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))),
    )
    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8))
    rgb.save(path / "style.png")
    photos = path / "photos"
    photos.mkdir()
    rgb.resize((31, 17)).save(photos / "odd.png")
    rgb.convert("L").save(photos / "grey.png")
    rgb.convert("CMYK").save(photos / "cmyk.jpg")
    rgb.convert("RGBA").save(photos / "alpha.png")
    Image.fromarray(rng.integers(0, 65536, (40, 50), dtype=np.uint16)).save(photos / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(photos / "turned.jpg", exif=exif)
    deeper = path / "deeper"
    (deeper / "a" / "b").mkdir(parents=True)
    rgb.save(deeper / "late.png")
    rgb.save(deeper / "a" / "b" / "first.jpg")
    return path
