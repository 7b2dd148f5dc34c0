"""What recorded gates say: rates, power, the smallest change."""

import json
import math
from pathlib import Path

import pytest

from bench.gate.rates import FILE_NAME, find_power, read_gates, smallest_change, summarize_gates
from bench.gate.render import rate_cells
from pcakd.errors import ConfigError

ROOT = Path(__file__).parents[3]


def test_rates_have_exact_intervals(make_gate):
    gates = [make_gate(0.0, 0)] * 39 + [make_gate(0.0, 1)] + [make_gate(0.3, 1)] * 20
    none, planted = summarize_gates(gates)
    assert (none.failed.num_gates, none.failed.count, none.launches) == (40, 1, 4.0)
    # Clopper and Pearson's interval of 1 of 40
    assert none.failed.low == pytest.approx(0.000633, abs=1e-5)
    assert none.failed.high == pytest.approx(0.1316, abs=1e-3)
    assert (planted.failed.low, planted.failed.high) == (pytest.approx(0.8316, abs=1e-3), 1.0)


def test_rates_state_what_the_gates_measured(make_gate):
    changes = (0.08, 0.09, 0.1, 0.11, 0.12, 0.1)
    (rate,) = summarize_gates([make_gate(0.1, 1, logs=[change] * 4) for change in changes])
    assert rate.change.mean == pytest.approx(0.1)
    assert rate.change.low < 0.1 < rate.change.high
    (single,) = summarize_gates([make_gate(0.1, 1, logs=[0.2] * 4)])
    assert (single.change.mean, single.change.low) == (pytest.approx(0.2), None)


def test_power_counts_the_gates_that_had_failed_by_then(make_gate):
    gates = [make_gate(0.1, 1, logs=[0.2] * count) for count in (4, 6, 8, 8)]
    gates += [make_gate(0.1, 3, logs=[0.05] * 12), make_gate(0.0, 0)]
    found = {(each.slow_down, each.launches): each.found for each in find_power(gates)}
    assert [found[0.1, launches].count for launches in (4, 6, 8, 12)] == [1, 2, 4, 4]
    assert {each.num_gates for (slow_down, _), each in found.items() if slow_down} == {5}
    assert [found[0.0, launches].count for launches in (4, 6, 8, 12)] == [0, 0, 0, 0]
    assert len(found) == 8


def test_the_smallest_change_exceeds_the_margin_and_grows_with_noise(make_gate):
    quiet, noisy = (
        smallest_change([make_gate(0.0, 0, logs=logs)], error=0.001, budget_seconds=900)
        for logs in ((0.0, 0.001, -0.001, 0.0), (0.1, -0.1, 0.1, -0.1))
    )
    assert math.expm1(0.05) < quiet["latency a HD"] < 0.06
    assert noisy["latency a HD"] > 0.1


def test_a_short_budget_finds_larger_changes_alone(make_gate):
    gates = [make_gate(0.0, 0, logs=(0.1, -0.1, 0.1, -0.1))]  # 10 s a launch
    plenty, enough, short = (
        smallest_change(gates, error=0.001, budget_seconds=seconds)["latency a HD"]
        for seconds in (900, 240, 80)
    )
    assert plenty == enough < short


def test_a_folder_without_gates_has_none(tmp_path):
    assert read_gates(tmp_path) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is damaged"),
        ("{}", "line 2 is damaged: key 'slow_down' is missing"),
        ("[]", "line 2 is damaged: must be a valid dictionary"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, make_gate, line, message):
    text = json.dumps(make_gate(0.0, 0))
    (tmp_path / FILE_NAME).write_text(f"{text}\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_gates(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cases": [{}]}, r"key 'cases\[0\].name' is missing"),
        ({"seconds": float("nan")}, "key 'seconds' must be a finite number"),
        ({"environment": {"cpu": 1}}, "key 'environment.cpu' must be a valid string"),
    ],
)
def test_a_damaged_value_is_named(tmp_path, make_gate, change, message):
    (tmp_path / FILE_NAME).write_text(json.dumps(make_gate(0.0, 0) | change), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_gates(tmp_path)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"cannot read .*gates\.jsonl"):
        read_gates(tmp_path)


def test_the_docs_state_the_recorded_self_test():
    gates = read_gates(ROOT / "reports" / "gate")
    (config,) = {json.dumps(each["config"], sort_keys=True) for each in gates}
    settings = json.loads(config)
    text = " ".join((ROOT / "docs" / "gate.md").read_text(encoding="utf-8").split())
    rates = list(summarize_gates(gates))
    assert [rate.slow_down for rate in rates] == [0.0, 0.05, 0.1, 0.3]
    assert [rate.failed.num_gates for rate in rates] == [40, 20, 20, 20]
    for rate in rates:
        cells = rate_cells(rate)
        assert (
            f"| {cells['Slow-down']} | {cells['Measured']} | {rate.failed.count} of "
            f"{rate.failed.num_gates} ({cells['95 % interval']}) | {rate.num_inconclusive} | "
            f"{cells['Launches']} |"
        ) in text
    error, budget = settings["error"] / len(gates[0]["cases"]), settings["budget_seconds"]
    (smallest,) = smallest_change(gates, error=error, budget_seconds=budget).values()
    assert f"finds a slow-down of {100 * smallest:.0f} %" in text
    assert f"at most {settings['max_launches']} launches and {budget:.0f} s" in text
    assert f"on an {gates[0]['environment']['cpu']}" in text
