"""Outputs of all versions of the shipped students, pinned: they change by decision only.

The golden file holds every 11th row and column (11 is prime to every tile and stride) of outputs
that were computed in float64, which no processor rounds differently by more than 1e-9.
``PCAKD_UPDATE_GOLDEN=1`` writes it anew.
"""

import os
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from pcakd.pipeline import stylize
from pcakd.students import list_students, load_student
from pcakd.transforms import TRANSFORMS

GOLDEN = Path(__file__).parent / "golden" / "shipped_students.safetensors"
PAIRS = Path(__file__).parents[2] / "bench" / "data" / "pairs"
CASES = [
    (name, *case)
    for name, case in product(
        list_students(versions=True), (*product(("01",), TRANSFORMS), ("02", "zca"))
    )
]
STEP = 11
SIDE = 512


def _photo(name):
    with Image.open(PAIRS / f"{name}.jpg") as image:
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        pixels = np.array(image.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1).double().div(255.0)


def _stylize(student, pair, transform, dtype):
    images = (_photo(f"{pair}_{role}").to(dtype) for role in ("content", "style"))
    result = stylize(load_student(student).to(dtype), *images, transform=transform)
    return result[:, ::STEP, ::STEP].double().contiguous()


@pytest.mark.skipif(not os.environ.get("PCAKD_UPDATE_GOLDEN"), reason="writes the golden file")
def test_write_the_golden_outputs():
    outputs = {".".join(case): _stylize(*case, torch.float64).float() for case in CASES}
    save_file(outputs, GOLDEN)
    assert set(load_file(GOLDEN)) == set(outputs)


@pytest.mark.parametrize("case", CASES, ids=".".join)
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [
        (torch.float64, 1e-6),  # the golden numbers are float32: 6e-8
        (torch.float32, 1e-3),  # a quarter of one of 256 levels: no file can show it
    ],
    ids=["float64", "float32"],
)
def test_the_shipped_students_give_what_they_gave(case, dtype, tolerance):
    expected = load_file(GOLDEN)[".".join(case)].double()
    torch.testing.assert_close(_stylize(*case, dtype), expected, rtol=0.0, atol=tolerance)
