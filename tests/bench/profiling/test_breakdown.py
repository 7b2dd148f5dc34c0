"""A fake clock shows whose time is whose: regions nest, and nothing is counted twice."""

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.profiling.breakdown import StageClock, median_stages, time_stages
from bench.profiling.latency import ClockTimer
from pcakd.utils.sections import section


class FakeDevice:
    """A clock that moves when work is done, and a log of the readings."""

    def __init__(self):
        self.now = 0
        self.log = []

    def clock(self):
        self.log.append("read")
        return self.now

    def synchronize(self):
        self.log.append("wait")

    def work(self, nanoseconds):
        self.now += nanoseconds


@pytest.fixture
def device():
    return FakeDevice()


def test_a_region_within_another_takes_its_time_out_of_it(device):
    def call():
        device.work(1)
        with section("encode"):
            device.work(10)
        with section("transform"):
            device.work(100)
            with section("eigh"):
                device.work(1000)
            device.work(200)
            with section("eigh"):
                device.work(2000)
        device.work(2)

    times = StageClock(device.clock, device.synchronize).time(call)
    assert times == {"other": 3, "encode": 10, "transform": 300, "eigh": 3000}
    assert sum(times.values()) == device.now


def test_the_device_is_idle_at_every_reading(device):
    def call():
        with section("encode"), section("covariance"):
            pass

    StageClock(device.clock, device.synchronize).time(call)
    assert device.log == ["wait", "read"] * 6


def test_a_call_that_fails_leaves_no_region_open(device):
    clock = StageClock(device.clock)

    def fail():
        with section("encode"), section("eigh"):
            raise RuntimeError("stuck")

    with pytest.raises(RuntimeError, match="stuck"):
        clock.time(fail)
    assert clock.time(lambda: device.work(7)) == {"other": 7}
    assert isinstance(section("encode"), nullcontext)


@pytest.mark.parametrize(("samples", "seconds"), [(3, None), (3, 1.0), (9, 11e-9)])
def test_calls_are_timed_in_turn_with_and_without_a_watcher(device, samples, seconds):
    watched = []

    def call():
        watched.append(not isinstance(section("encode"), nullcontext))
        with section("encode"):
            device.work(5)

    times = time_stages(
        call,
        timer=ClockTimer(device.clock),
        clock=StageClock(device.clock),
        warmup=2,
        samples=samples,
        seconds=seconds,
    )
    assert times.latency_ns == [5, 5, 5]
    assert times.stages_ns == [{"other": 0, "encode": 5}] * 3
    assert watched == [False, False] + [False, True] * 3


TREES = st.recursive(
    st.integers(0, 1000),
    lambda inner: st.tuples(st.sampled_from(("encode", "eigh", "decode")), st.lists(inner)),
    max_leaves=20,
)


@given(st.lists(TREES))
def test_stages_sum_to_the_whole(trees):
    device = FakeDevice()

    def run(tree):
        if isinstance(tree, int):
            device.work(tree)
            return
        with section(tree[0]):
            for inner in tree[1]:
                run(inner)

    times = StageClock(device.clock).time(lambda: [run(tree) for tree in trees])
    assert sum(times.values()) == device.now
    assert times.get("other", 0) == sum(tree for tree in trees if isinstance(tree, int))


def test_a_stage_that_a_sample_lacks_took_it_none():
    assert median_stages([{"eigh": 9}, {}, {"other": 3}]) == {"eigh": 0, "other": 0}
