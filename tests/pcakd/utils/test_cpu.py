"""The name of the processor, of files like Linux's /proc/cpuinfo."""

import pytest

from pcakd.utils import cpu


@pytest.fixture
def cpuinfo(tmp_path, monkeypatch):
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(cpu, "_CPUINFO", path)
    return path


def describe(name, family="25", model="1"):
    fields = {"processor": "0", "cpu family": family, "model": model, "model name": name}
    return "".join(f"{key}\t: {value}\n" for key, value in fields.items())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AMD EPYC", "AMD EPYC (family 25, model 1)"),
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", "Intel(R) Xeon(R) CPU @ 2.20GHz (family 25, model 1)"),
        ("AMD EPYC 7763 64-Core Processor", "AMD EPYC 7763 64-Core Processor"),
        ("13th Gen Intel(R) Core(TM) i7-1365U", "13th Gen Intel(R) Core(TM) i7-1365U"),
    ],
)
def test_a_name_without_a_model_number_has_that_of_cpuid(cpuinfo, name, expected):
    cpuinfo.write_text(describe(name) + "\n" + describe("another processor", "6", "85"))
    assert cpu.cpu_name() == expected


def test_generations_of_one_name_have_names_of_their_own(cpuinfo):
    names = set()
    for model in ("1", "17"):
        cpuinfo.write_text(describe("AMD EPYC", model=model))
        names.add(cpu.cpu_name())
    assert len(names) == 2


@pytest.mark.parametrize("text", [None, "", "processor\t: 0\nCPU part\t: 0xd40\n"])
def test_a_system_without_a_name_gives_one_all_the_same(cpuinfo, monkeypatch, text):
    if text is not None:
        cpuinfo.write_text(text)
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert cpu.cpu_name() == "aarch64"
