from pathlib import Path

import psutil
import pytest
import torch

from bench.machine.memory import host_bytes, total_bytes


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("1048576\n", 2**20), ("max\n", None), (f"{2**62}\n", None), (None, None)],
)
def test_a_lower_limit_of_the_container_counts(
    limit: str | None, expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "memory.max"
    if limit is not None:
        file.write_text(limit)
    monkeypatch.setattr("bench.machine.memory._CONTAINER_LIMIT", file)
    assert host_bytes() == (expected or psutil.virtual_memory().total)


def test_total_is_plausible() -> None:
    assert total_bytes(torch.device("cpu")) > 2**28
