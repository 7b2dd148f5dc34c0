"""The plan of a self-test, and what its folder may hold."""

import json
from dataclasses import asdict

import pytest

from bench.gate.config import GateConfig
from bench.gate.rates import FILE_NAME
from bench.gate.selftest import plan_gates, run_selftest
from pcakd.errors import ConfigError


def test_slow_downs_take_turns():
    planned = plan_gates(4, 2)
    assert len(planned) == len(set(planned)) == 4 + 3 * 2
    first_half = [slow_down for slow_down, _ in planned[:5]]
    assert set(first_half) == {0.0, 0.05, 0.1, 0.3}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"neighbours": 1}, "has gates with other neighbours (0, here 1); name another folder"),
        ({"about": {"commit": "b"}}, "has gates with other commit (a, here b)"),
        ({"config": GateConfig(blocks=7)}, "has gates with other config; name another folder"),
    ],
)
def test_gates_of_other_settings_are_not_joined(tmp_path, make_gate, changed, message):
    given = {"neighbours": 0, "about": {"commit": "a"}, "config": GateConfig()}
    settings = {"neighbours": 0, "config": asdict(GateConfig()), "commit": "a"}
    gate = make_gate(0.0, 0) | settings
    (tmp_path / FILE_NAME).write_text(json.dumps(gate) + "\n", encoding="utf-8")
    given |= changed
    others = {"python_path": "", "device": "cpu", "timed": None, "bar": None}
    with pytest.raises(ConfigError) as caught:
        run_selftest(given.pop("config"), (), ((0.0, 0),), folder=tmp_path, **given, **others)
    assert message in str(caught.value)
