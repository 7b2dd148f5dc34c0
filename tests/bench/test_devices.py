import pytest
import torch

from bench.devices import full_precision, parse_device
from pcakd.errors import ConfigError


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
