"""Look-up tables as subjects."""

from pathlib import Path

import pytest
import torch

from bench.profiling.macs import count_macs
from bench.subjects import Variation, parse_subject
from bench.subjects.parse import find_card
from pcakd.errors import ConfigError, UnknownNameError


def _image(seed: int, height: int = 40, width: int = 56) -> torch.Tensor:
    coarse = torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1)


def test_a_table_does_about_what_its_subject_does() -> None:
    content, style = _image(1), _image(2)
    table, own = parse_subject("mkl>lut33"), parse_subject("mkl")
    assert (table.name, table.transforms, table.num_params) == ("mkl>lut33", ("none",), 3 * 33**3)
    assert table.hash != own.hash != parse_subject("mkl>lut17").hash
    result, expected = table.prepare()(content, style), own.prepare()(content, style)
    assert float((result - expected).abs().mean()) < 0.01
    assert float((content - expected).abs().mean()) > 0.05


def test_each_image_pair_has_its_table_and_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.subjects import luts

    fits, fit = [], luts.fit_lut
    monkeypatch.setattr(luts, "fit_lut", lambda *a, **k: (fits.append(1), fit(*a, **k))[1])
    prepared = parse_subject("mkl>lut9").prepare()
    content, style, other = _image(1), _image(2), _image(3)
    first = prepared(content, style)
    assert torch.equal(prepared(content, style), first)
    assert len(fits) == 1
    assert not torch.equal(prepared(content, other), first)
    assert len(fits) == 2
    content.mul_(0.5)  # the same memory with another image
    prepared(content, other)
    assert len(fits) == 3


def test_a_large_image_is_fitted_reduced_and_mapped_whole() -> None:
    content, style = _image(1, 600, 640), _image(2, 530, 700)
    result = parse_subject("mkl>lut17").prepare()(content, style)
    assert result.shape == content.shape
    expected = parse_subject("mkl").prepare()(content, style)
    assert float((result - expected).abs().mean()) < 0.02


def test_a_student_s_table_varies_with_its_strength(student_file: Path) -> None:
    subject = parse_subject(f"{student_file}@ot>lut9")
    assert subject.name == "odd+name@home>lut9"
    assert subject.transforms == ("ot",)
    content, style = _image(1), _image(2)
    whole = subject.prepare()(content, style)
    half = subject.prepare(variation=Variation(strength=0.25))(content, style)
    assert not torch.equal(whole, half)
    assert find_card("vgg16>lut33") == find_card("vgg16")


def test_its_application_is_counted_without_a_fit() -> None:
    small, large = count_macs(parse_subject("vgg16>lut33").prepare(), [(64, 64), (720, 1280)])
    assert small.macs_content == large.macs_content == 0
    assert large.macs_total * 64 * 64 == small.macs_total * 720 * 1280


@pytest.mark.parametrize(
    "text", ["vgg16>lut", "vgg16>lut1", "vgg16>lut999", "vgg16>cube33", ">lut33"]
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="NAME>lutN"):
        parse_subject(text)


def test_seeded_weights_and_unknown_names_have_no_table() -> None:
    with pytest.raises(ConfigError, match="seeded weights"):
        parse_subject("vgg19-full>lut33")
    with pytest.raises(UnknownNameError, match="subject 'vgg1'"):
        parse_subject("vgg1>lut33")
