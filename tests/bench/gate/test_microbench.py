"""Runs of pytest that break or hang, of either side."""

import os
import sys
from pathlib import Path

import pytest
from tqdm import tqdm

from bench.gate.microbench import compare_microbench
from bench.gate.side_client import Side
from pcakd.errors import ConfigError

ROOT = Path(__file__).parents[3]
BENCHMARKS = """
import os
import time


def test_part(benchmark):
    if os.environ["FAULT"] == "hang":
        time.sleep(60)
    assert os.environ["FAULT"] != "broken", "the gears are stuck"
    benchmark(int)
"""


def compare(tmp_path, *, base="", head="", benchmarks=BENCHMARKS, seconds=30.0):
    (tmp_path / "bench_toy.py").write_text(benchmarks, encoding="utf-8")
    sides = {
        name: Side(
            name=name,
            title=name,
            python=Path(sys.executable),
            folder=tmp_path,
            environment={"FAULT": fault, "PYTHONPATH": os.fspath(ROOT)},
        )
        for name, fault in (("base", base), ("head", head))
    }
    return compare_microbench(
        sides, [tmp_path / "bench_toy.py"], options=(), folder=tmp_path, margin=0.5, error=0.01,
        max_launches=4, seconds=seconds, bar=tqdm(disable=True),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "seconds", "reason"),
    [
        ("broken", 30.0, "pytest ended with status 1: E "),
        ("hang", 6.0, "pytest took more than its budget of 6 s"),
    ],
)
def test_a_benchmark_that_breaks_or_hangs_fails(tmp_path, fault, seconds, reason):
    result = compare(tmp_path, head=fault, seconds=seconds)
    (case,) = [each for each in result.results if each.case.subject == "pytest"]
    assert case.verdict == "failed"
    assert case.reason.startswith(f"head: {reason}")
    assert result.exit_status() == 1


def test_a_broken_base_does_not_compare(tmp_path):
    result = compare(tmp_path, base="broken")
    assert {each.verdict for each in result.results} == {"not comparable"}
    assert result.exit_status() == 4


def test_files_without_benchmarks_are_bad_input(tmp_path):
    with pytest.raises(ConfigError, match="no benchmark in bench_toy"):
        compare(tmp_path, benchmarks="X = 1\n")
