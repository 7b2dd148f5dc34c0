"""The device and the images of a job."""

import numpy as np
import pytest
import torch

from bench.worker.jobs.setup import choose_device, make_images, tile_by_reflection


@pytest.mark.parametrize(("name", "index"), [("cuda:1", 1), ("cuda", 0), (None, 0)])
def test_a_chosen_cuda_device_becomes_the_current_one(
    name: str | None, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert choose_device(name).type == "cuda"
    assert chosen == [index]


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 4), (20, 33)])
def test_images_are_continued_as_numpy_does(size: tuple[int, int]) -> None:
    image = torch.rand(3, 5, 7)
    height, width = size
    after = ((0, 0), (0, max(0, height - 5)), (0, max(0, width - 7)))
    expected = np.pad(image.numpy(), after, mode="symmetric")[:, :height, :width]
    found = tile_by_reflection(image, height, width)
    np.testing.assert_array_equal(found[0].numpy(), expected)
    assert found.is_contiguous()


def test_images_are_photographs_and_the_same_in_every_child() -> None:
    job = {"height": 900, "width": 40}
    content, style = make_images(job, torch.device("cpu"))
    assert content.shape == style.shape == (1, 3, 900, 40)
    assert 0.01 < float(content.std()) < 0.5
    assert not torch.equal(content, style)
    assert torch.equal(content, make_images(job, torch.device("cpu"))[0])
