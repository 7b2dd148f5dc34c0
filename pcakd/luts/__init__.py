"""Look-up tables of colours: what a student did to photographs, in a file that colourists use."""

from pcakd.luts.cube import read_cube, write_cube
from pcakd.luts.fitting import DEFAULT_SIZE, ColourSamples, LutFit, fit_lut
from pcakd.luts.table import Lut, apply_lut

__all__ = [
    "DEFAULT_SIZE",
    "ColourSamples",
    "Lut",
    "LutFit",
    "apply_lut",
    "fit_lut",
    "read_cube",
    "write_cube",
]
