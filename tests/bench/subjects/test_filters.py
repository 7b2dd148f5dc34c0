"""Filters as parts of subjects."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.filters.guided_reference import plain_guided_filter
from bench.filters.registry import FILTERS
from bench.profiling.macs import count_macs
from bench.subjects import Variation, parse_subject, parse_subjects
from bench.subjects.filters import add_filter
from bench.subjects.parse import find_card
from pcakd.errors import UnknownNameError
from pcakd.filters import guided_filter

pytest.importorskip("cv2.ximgproc")


def _image(seed: int, height: int = 40, width: int = 56) -> torch.Tensor:
    coarse = torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("name", ["mkl", "mkl>lut9", "vgg19-full"])
def test_a_filtered_subject_filters_what_its_subject_does(name: str) -> None:
    content, style = _image(1), _image(2)
    filtered, own = parse_subject(f"{name}|guided"), parse_subject(name)
    assert filtered.name == f"{own.name}|guided"
    assert filtered.hash != own.hash
    assert (filtered.transforms, filtered.num_params) == (own.transforms, own.num_params)
    assert filtered.has_quality == own.has_quality
    before = own.prepare()(content, style)[0]
    result = filtered.prepare()(content, style)[0]
    torch.testing.assert_close(result, guided_filter(before, content[0]))
    assert float((result - before).abs().max()) > 1e-3


@pytest.mark.parametrize("name", ["matting", "matting-fast"])
def test_the_smoothings_of_photowct_are_filters(name: str) -> None:
    content, style = _image(1), _image(2)
    subject = parse_subject(f"photowct2|{name}")
    assert not subject.has_quality
    own = parse_subject("mkl").prepare()(content, style)[0]
    result = parse_subject(f"mkl|{name}").prepare()(content, style)[0]
    torch.testing.assert_close(result, FILTERS.get(name).apply(own, content[0]))
    hashes = {
        parse_subject(f"mkl{end}").hash for end in ("", "|guided", "|matting-fast", f"|{name}")
    }
    assert len(hashes) == (4 if name == "matting" else 3)


def test_the_fast_variant_is_the_published_filter_with_radius_35() -> None:
    guide = torch.rand(3, 60, 80, generator=torch.Generator().manual_seed(3))
    image = (0.5 * guide.flip(0) + 0.2 * _image(1, 60, 80)[0]).clamp(0, 1)
    expected = plain_guided_filter(
        image.double(), guide.double(), radius=35, epsilon=0.001 / 255.0**2
    )
    found = FILTERS.get("matting-fast").apply(image, guide)
    torch.testing.assert_close(found.double(), expected, atol=2e-3, rtol=0)
    other = FILTERS.get("guided").apply(image, guide)
    assert float((other - found).abs().max()) > 5e-3


def test_linear_systems_of_matting_are_uncounted() -> None:
    (count,) = count_macs(parse_subject("mkl|matting").prepare(), [(64, 64)])
    assert count.uncounted["solve_matting"] == 1


def test_a_filtered_student_varies_and_has_its_card(student_file: Path) -> None:
    subject = parse_subject(f"{student_file}@ot|guided")
    assert (subject.name, subject.transforms) == ("odd+name@home|guided", ("ot",))
    content, style = _image(1), _image(2)
    half = Variation(strength=0.25)
    result = subject.prepare(variation=half)(content, style)[0]
    own = parse_subject(f"{student_file}@ot").prepare(variation=half)(content, style)[0]
    torch.testing.assert_close(result, guided_filter(own, content[0]))
    assert find_card("vgg16|guided") == find_card("vgg16") is not None


def test_its_operators_are_counted_with_those_of_the_filter() -> None:
    sizes = [(64, 64), (720, 1280)]
    own = count_macs(parse_subject("mobilenet_v1").prepare(), sizes)
    filtered = count_macs(parse_subject("mobilenet_v1|guided").prepare(), sizes)
    for one, other in zip(own, filtered, strict=True):
        assert other.macs_content == one.macs_content
        assert other.macs_total >= one.macs_total
    content, style = _image(1), _image(2)
    found = parse_subject("mkl|guided").prepare().run_untiled(content, style)[0]
    plain = parse_subject("mkl").prepare().run_untiled(content, style)[0]
    torch.testing.assert_close(found, plain_guided_filter(plain, content[0]))


def test_a_subject_whose_cost_is_another_s_has_the_cost_of_that_one_filtered() -> None:
    peer = replace(parse_subject("photowct2"), name="mine", cost_subject="photowct2")
    assert add_filter(peer, "guided").cost_subject == "photowct2|guided"
    assert parse_subject("photowct2|guided").cost_subject is None


def test_both_forms_are_subjects_of_one_run() -> None:
    names = [each.name for each in parse_subjects(["mkl", "mkl|guided"])]
    assert names == ["mkl", "mkl|guided"]


@pytest.mark.parametrize("text", ["vgg16|", "vgg16|soft", "vgg16|guided>lut33"])
def test_unknown_filters_are_refused(text: str) -> None:
    with pytest.raises(UnknownNameError, match="filter"):
        parse_subject(text)
