import json
import math

import pytest
import torch
from photographs import load_photograph

from bench.quality.reference import (
    ReferenceRow,
    match_references,
    measure_psnr,
    render_reference_means,
    render_reference_rows,
)


def row(image, psnr):
    return ReferenceRow(
        subject="mine", image=image, psnr=psnr, ssim=0.5, lpips=0.25, histogram_correlation=0.75
    )


def test_psnr_is_its_formula():
    truth = load_photograph("01_content", 40, 50)
    output = (truth + 0.1 * load_photograph("01_style", 40, 50)).clamp(0, 1)
    error = (output - truth).double().square().mean()
    assert measure_psnr(output, truth) == pytest.approx(-10 * math.log10(error), abs=1e-5)
    assert measure_psnr(truth, truth) == math.inf
    shifted = torch.full((1, 3, 4, 4), 0.5)
    assert measure_psnr(shifted + 0.1, shifted) == pytest.approx(20, abs=1e-4)


def test_files_match_by_name_in_any_format(tmp_path):
    for name in ("a/x.png", "a/y.jpg", "b/y.png", "b/x.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = match_references(tmp_path / "a", tmp_path / "b")
    assert {name: [path.name for path in paths] for name, paths in found.items()} == {
        "x": ["x.png", "x.webp"],
        "y": ["y.jpg", "y.png"],
    }


def test_equal_images_are_counted_beside_the_mean_psnr():
    rows = [row("a", 20.0), row("b", 30.0), row("c", math.inf)]
    assert [each["psnr"] for each in json.loads(render_reference_rows(rows))] == [20, 30, None]
    line = render_reference_means(rows).splitlines()[2]
    assert line.startswith("mine")
    assert "25.000; 1 equal" in line
    assert "∞" in render_reference_means(rows[2:])
