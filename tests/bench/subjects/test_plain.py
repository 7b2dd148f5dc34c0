"""Students without tiles, as subjects."""

import pytest
import torch

from bench.subjects import parse_subject

NAME = "python:bench.subjects.plain:{}"


@pytest.mark.parametrize("student", ["vgg16", "mobilenet_v1"])
def test_they_compute_what_the_tiled_ones_do(student):
    images = [torch.rand(3, 72, 96, generator=torch.Generator().manual_seed(n)) for n in (0, 1)]
    plain, tiled = (
        parse_subject(name).prepare("cpu", transform="zca")(*(image[None] for image in images))
        for name in (NAME.format(student), student)
    )
    torch.testing.assert_close(plain, tiled, atol=2e-4, rtol=0)
    assert parse_subject(NAME.format(student)).num_params == parse_subject(student).num_params
