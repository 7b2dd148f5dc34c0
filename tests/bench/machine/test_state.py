"""The state of the machine around a measurement."""

import pytest

from bench.machine.state import MOST_CHANGE, compare_states, read_state


def test_a_state_has_the_times_of_the_calibration():
    state = read_state()
    assert state["matmul_ns"] > 0
    assert state["copy_ns"] > 0
    assert set(state) <= {"load_average", "frequency_mhz", "stolen_s", "matmul_ns", "copy_ns"}
    assert all(isinstance(value, int | float) for value in state.values())


@pytest.mark.parametrize(
    ("matmul", "copy", "disturbed"),
    [(100, 100, False), (100 * MOST_CHANGE, 100, False), (160, 100, True), (100, 60, True)],
)
def test_a_change_in_either_direction_disturbs(matmul, copy, disturbed):
    before = {"matmul_ns": 100, "copy_ns": 100}
    change = compare_states(before, {"matmul_ns": matmul, "copy_ns": copy})
    assert change["disturbed"] is disturbed
    assert change["before"] == before
    assert change["change"] >= 1


def test_what_the_system_does_not_tell_is_left_out(monkeypatch):
    monkeypatch.setattr("psutil.cpu_freq", lambda: None)
    monkeypatch.delattr("psutil.getloadavg", raising=False)
    assert not {"frequency_mhz", "load_average"} & read_state().keys()
