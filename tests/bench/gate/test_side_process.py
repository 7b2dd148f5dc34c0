"""The planted slow-down of a self-test, on a clock that only the fakes move."""

import pytest

from bench.gate import side_process

MS = 1_000_000
TICK = 1000  # nanoseconds that a look at the clock takes


class Clock:
    """Stands in for the module ``time``: each look and each call of a fake takes time."""

    def __init__(self):
        self.now = 0

    def perf_counter_ns(self):
        self.now += TICK
        return self.now

    def taking(self, milliseconds, calls):
        """Return a call that takes some time and is counted in a list."""

        def call():
            self.now += milliseconds * MS
            calls.append(milliseconds)
            return "result"

        return call


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("part", [1, 4, 50])
def test_a_planted_slow_down_is_as_large_as_it_says(monkeypatch, share, part):
    clock, calls, parts = Clock(), [], []
    monkeypatch.setattr(side_process, "time", clock)
    slow = side_process._slow_down(clock.taking(100, calls), clock.taking(part, parts), share)
    for _ in range(3):  # learns how long the part takes
        slow()
    calls.clear()
    parts.clear()
    start = clock.now
    assert slow() == "result"
    assert clock.now - start == pytest.approx(100 * (1 + share) * MS, abs=10 * TICK)
    assert calls == [100]
    assert len(parts) == pytest.approx(100 * share // part, abs=1)
    assert sum(parts) <= 100 * share
