"""The plan and the rates of a self-test."""

import json
import math
from dataclasses import asdict

import pytest

from bench.gate.config import GateConfig
from bench.gate.selftest import (
    FILE_NAME,
    plan_gates,
    read_gates,
    run_selftest,
    smallest_change,
    summarize_gates,
)
from pcakd.errors import ConfigError


def make_gate(slow_down, status, *, logs=(0.0, 0.01, -0.01, 0.0)):
    case = {
        "name": "latency a HD",
        "case": {"max_launches": 24, "margin": 0.05},
        "finding": {"count": len(logs)},
        "base_samples": [[1e8, 1e8] for _ in logs],
        "head_samples": [[1e8 * math.exp(log)] * 2 for log in logs],
    }
    return {"slow_down": slow_down, "exit_status": status, "seconds": 40.0, "cases": [case]}


def test_slow_downs_take_turns():
    planned = plan_gates(4, 2)
    assert len(planned) == len(set(planned)) == 4 + 3 * 2
    first_half = [slow_down for slow_down, _ in planned[:5]]
    assert set(first_half) == {0.0, 0.05, 0.1, 0.3}


def test_rates_have_exact_intervals():
    gates = [make_gate(0.0, 0)] * 39 + [make_gate(0.0, 1)] + [make_gate(0.3, 1)] * 20
    none, planted = summarize_gates(gates)
    assert (none.num_gates, none.num_failed, none.launches) == (40, 1, 4.0)
    # Clopper and Pearson's interval of 1 of 40
    assert none.low == pytest.approx(0.000633, abs=1e-5)
    assert none.high == pytest.approx(0.1316, abs=1e-3)
    assert (planted.low, planted.high) == (pytest.approx(0.8316, abs=1e-3), 1.0)


def test_the_smallest_change_exceeds_the_margin_and_grows_with_noise():
    quiet, noisy = (
        smallest_change([make_gate(0.0, 0, logs=logs)], error=0.001, budget_seconds=900)
        for logs in ((0.0, 0.001, -0.001, 0.0), (0.1, -0.1, 0.1, -0.1))
    )
    assert math.expm1(0.05) < quiet["latency a HD"] < 0.06
    assert noisy["latency a HD"] > 0.1


def test_a_short_budget_finds_larger_changes_alone():
    gates = [make_gate(0.0, 0, logs=(0.1, -0.1, 0.1, -0.1))]  # 10 s a launch
    plenty, enough, short = (
        smallest_change(gates, error=0.001, budget_seconds=seconds)["latency a HD"]
        for seconds in (900, 240, 80)
    )
    assert plenty == enough < short


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"neighbours": 1}, "has gates with other neighbours (0, here 1); name another folder"),
        ({"about": {"commit": "b"}}, "has gates with other commit (a, here b)"),
        ({"config": GateConfig(blocks=7)}, "has gates with other config; name another folder"),
    ],
)
def test_gates_of_other_settings_are_not_joined(tmp_path, changed, message):
    given = {"neighbours": 0, "about": {"commit": "a"}, "config": GateConfig()}
    settings = {"neighbours": 0, "config": asdict(GateConfig()), "commit": "a"}
    gate = {"slow_down": 0.0, "number": 0, **settings}
    (tmp_path / FILE_NAME).write_text(json.dumps(gate) + "\n", encoding="utf-8")
    given |= changed
    others = {"python_path": "", "device": "cpu", "timed": None, "bar": None}
    with pytest.raises(ConfigError) as caught:
        run_selftest(given.pop("config"), (), ((0.0, 0),), folder=tmp_path, **given, **others)
    assert message in str(caught.value)


def test_a_damaged_file_is_one_line(tmp_path):
    assert read_gates(tmp_path) == []
    (tmp_path / FILE_NAME).write_text(json.dumps({"a": 1}) + "\n{", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 2 is damaged"):
        read_gates(tmp_path)
