"""Limits of control groups, of both versions, from files as Linux shows them."""

import pytest

from bench.machine.cgroup import Limits, read_limits

V1 = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n"


def _write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {}, Limits()),
        ("0::/\n", {"cpu.max": "max 100000\n", "memory.max": "max\n"}, Limits()),
        (
            "0::/\n",
            {"cpu.max": "50000 100000\n", "memory.max": "1073741824\n"},
            Limits(cpu_quota=0.5, memory_bytes=2**30),
        ),
        (  # a group above the own one is the narrower
            "0::/user/job\n",
            {
                "user/cpu.max": "150000 100000\n",
                "user/job/cpu.max": "400000 100000\n",
                "user/job/memory.max": "4096\n",
                "user/memory.max": "8192\n",
            },
            Limits(cpu_quota=1.5, memory_bytes=4096),
        ),
        (  # version 1; the container sees its own group at the top
            V1,
            {
                "cpu/cpu.cfs_quota_us": "50000\n",
                "cpu/cpu.cfs_period_us": "100000\n",
                "memory/memory.limit_in_bytes": "536870912\n",
            },
            Limits(cpu_quota=0.5, memory_bytes=2**29),
        ),
        (
            V1,
            {
                "cpu/cpu.cfs_quota_us": "-1\n",
                "cpu/cpu.cfs_period_us": "100000\n",
                "memory/memory.limit_in_bytes": "9223372036854771712\n",
                "memory/docker/memory.limit_in_bytes": "1048576\n",
            },
            Limits(memory_bytes=2**20),
        ),
        (  # version 2 beside version 1
            "4:memory:/\n0::/\n",
            {"unified/cpu.max": "25000 100000\n", "memory/memory.limit_in_bytes": "4096\n"},
            Limits(cpu_quota=0.25, memory_bytes=4096),
        ),
        ("nonsense", {"cpu.max": "a b c\n", "memory.max": "\n"}, Limits()),
    ],
)
def test_limits(tmp_path, own, files, expected):
    _write(tmp_path / "groups", files)
    (tmp_path / "own").write_text(own)
    assert read_limits(tmp_path / "groups", tmp_path / "own") == expected


def test_other_systems_have_none(tmp_path):
    assert read_limits(tmp_path / "none", tmp_path / "none") == Limits()
