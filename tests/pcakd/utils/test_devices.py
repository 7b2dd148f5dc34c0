"""One parser of device names, on machines with and without accelerators."""

import pytest
import torch

from pcakd.errors import ConfigError
from pcakd.utils.devices import describe_devices, list_devices, resolve_device


@pytest.fixture
def machine(monkeypatch):
    """Return a function that pretends how many GPUs there are and whether there is MPS."""

    def pretend(gpus, *, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("gpus", "mps", "names", "automatic"),
    [
        (0, False, ["cpu"], "cpu"),
        (1, False, ["cpu", "cuda"], "cuda"),
        (2, False, ["cpu", "cuda:0", "cuda:1"], "cuda"),
        (0, True, ["cpu", "mps"], "mps"),
    ],
)
def test_devices_of_a_machine(machine, gpus, mps, names, automatic):
    machine(gpus, mps=mps)
    assert list_devices() == names
    assert resolve_device("auto") == torch.device(automatic)
    assert [str(resolve_device(name)) for name in names] == names
    assert ", ".join(["auto", *names]) in describe_devices()


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "cpu:1"])
def test_an_absent_device_is_refused_and_only_present_ones_are_named(machine, name):
    machine(0)
    with pytest.raises(ConfigError) as error:
        resolve_device(name)
    assert str(error.value) == f"device {name!r} is not on this machine; use cpu"


def test_an_absent_gpu_among_several(machine):
    machine(2)
    with pytest.raises(ConfigError, match=r"use cpu, cuda:0 or cuda:1$"):
        resolve_device("cuda:2")


@pytest.mark.parametrize("name", ["tpu", "", "meta", "cuda:", "cuda:x", "CPU", "cuda:99999", "xpu"])
def test_unknown_names_are_refused(machine, name):
    machine(1)
    with pytest.raises(ConfigError) as error:
        resolve_device(name)
    assert str(error.value) == f"device {name!r} is not known; use cpu or cuda"


def test_a_device_that_does_not_work_is_one_line(machine, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("CUDA error: all devices are busy\nCompile with TORCH_USE_CUDA_DSA")

    machine(1)
    monkeypatch.setattr(torch, "empty", fail)
    with pytest.raises(ConfigError, match=r"device 'cuda' does not work \(CUDA error: all devices"):
        resolve_device("cuda", probe=True)
