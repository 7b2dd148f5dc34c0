import pytest
import torch

from bench.machine.devices import parse_device
from bench.worker.jobs.setup import choose_device
from pcakd.errors import ConfigError
from pcakd.utils.precision import full_precision


def test_the_cpu_is_always_there() -> None:
    assert parse_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["tpu", "", "cpu:1", "meta", "cuda:64"])
def test_what_is_not_a_device_of_this_machine_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="device"):
        parse_device(name)


def test_full_precision_puts_the_settings_back() -> None:
    before = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    with full_precision():
        assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "highest"
    assert (torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()) == before


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
