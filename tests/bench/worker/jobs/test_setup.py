"""The device of a job."""

import pytest
import torch

from bench.worker.jobs.setup import choose_device


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
