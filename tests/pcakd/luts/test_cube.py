import numpy as np
import PyOpenColorIO
import pytest
import torch

from pcakd.errors import OutputError, PcakdError
from pcakd.luts import Lut, apply_lut, read_cube, write_cube

GOLDEN = """TITLE "dusk"
LUT_3D_SIZE 2
DOMAIN_MIN 0 0 0
DOMAIN_MAX 1 1 1
0.000000 0.000000 0.000000
1.000000 0.000000 0.000000
0.000000 1.000000 0.000000
1.000000 1.000000 0.000000
0.000000 0.000000 1.000000
1.000000 0.000000 1.000000
0.000000 1.000000 1.000000
1.000000 1.000000 1.000000
"""


def _lut(size, seed=0):
    values = torch.rand(size, size, size, 3, generator=torch.Generator().manual_seed(seed))
    return Lut(values=values)


def test_red_changes_fastest(tmp_path):
    axis = torch.tensor([0.0, 1.0])
    identity = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)
    write_cube(tmp_path / "a.cube", Lut(values=identity), title='du"sk\n')
    assert (tmp_path / "a.cube").read_text(encoding="utf-8") == GOLDEN


def test_opencolorio_applies_the_file_as_we_do(tmp_path):
    lut = _lut(17)
    write_cube(tmp_path / "a.cube", lut, title="a")
    image = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(1))
    transform = PyOpenColorIO.FileTransform(
        str(tmp_path / "a.cube"), interpolation=PyOpenColorIO.INTERP_LINEAR
    )
    config = PyOpenColorIO.Config.CreateRaw()
    processor = config.getProcessor(transform).getDefaultCPUProcessor()
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    processor.applyRGB(pixels)
    np.testing.assert_allclose(
        apply_lut(lut, image).permute(1, 2, 0).numpy(), pixels, rtol=0, atol=5e-6
    )


def test_files_round_trip(tmp_path):
    lut = _lut(9)
    write_cube(tmp_path / "a.cube", lut, title="a")
    again = read_cube(tmp_path / "a.cube")
    torch.testing.assert_close(again.values, lut.values, rtol=0, atol=5.1e-7)
    text = (tmp_path / "a.cube").read_text(encoding="utf-8")
    (tmp_path / "b.cube").write_text(f"# a comment\n\n{text}", encoding="utf-8")
    assert torch.equal(read_cube(tmp_path / "b.cube").values, again.values)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LUT_3D_SIZE 2\n0 0 0\n",
        "LUT_1D_SIZE 2\n0 0 0\n1 1 1\n",
        "LUT_3D_SIZE 2000000\n0 0 0\n",
        GOLDEN.replace("DOMAIN_MAX 1 1 1", "DOMAIN_MAX 2 2 2"),
        GOLDEN.replace("1.000000 1.000000 1.000000\n", "1.0 1.0 nan\n"),
        GOLDEN.replace("0.000000 0.000000 0.000000\n", "0.0 0.0\n"),
        GOLDEN.replace("LUT_3D_SIZE 2", "LUT_3D_SIZE two"),
    ],
)
def test_other_files_are_one_line(tmp_path, text):
    path = tmp_path / "a.cube"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PcakdError, match="cannot be read as a look-up table") as caught:
        read_cube(path)
    assert "\n" not in str(caught.value)


def test_a_picture_is_neither_read_nor_replaced(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(PcakdError, match="cannot be read"):
        read_cube(path)
    with pytest.raises(PcakdError, match="No such file"):
        read_cube(tmp_path / "none.cube")
    with pytest.raises(OutputError, match=r"does not end in \.cube"):
        write_cube(path, _lut(2), title="a")
    assert path.read_bytes() == b"\x89PNG\xff\xfe"
