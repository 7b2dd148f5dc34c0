"""A fake clock shows the time of each section: sections nest, and no time counts twice."""

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.profiling.breakdown import SectionClock, median_sections, time_sections
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


def test_the_time_of_a_nested_section_is_not_part_of_the_outer_one(device):
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

    times = SectionClock(device.clock, device.synchronize).time(call)
    assert times == {"other": 3, "encode": 10, "transform": 300, "eigh": 3000}
    assert sum(times.values()) == device.now


def test_the_device_is_idle_at_each_reading(device):
    def call():
        with section("encode"), section("covariance"):
            pass

    SectionClock(device.clock, device.synchronize).time(call)
    assert device.log == ["wait", "read"] * 6


def test_a_call_that_fails_leaves_no_section_open(device):
    clock = SectionClock(device.clock)

    def fail():
        with section("encode"), section("eigh"):
            raise RuntimeError("stuck")

    with pytest.raises(RuntimeError, match="stuck"):
        clock.time(fail)
    assert clock.time(lambda: device.work(7)) == {"other": 7}
    assert isinstance(section("encode"), nullcontext)


@pytest.mark.parametrize(("samples", "seconds"), [(3, None), (3, 1.0), (9, 11e-9)])
def test_calls_are_timed_in_turn_without_and_with_instrumentation(device, samples, seconds):
    instrumented = []

    def call():
        instrumented.append(not isinstance(section("encode"), nullcontext))
        with section("encode"):
            device.work(5)

    times = time_sections(
        call,
        timer=ClockTimer(device.clock),
        clock=SectionClock(device.clock),
        warmup=2,
        samples=samples,
        seconds=seconds,
    )
    assert times.latency_ns == [5, 5, 5]
    assert times.sections_ns == [{"other": 0, "encode": 5}] * 3
    assert instrumented == [False, False] + [False, True] * 3


TREES = st.recursive(
    st.integers(0, 1000),
    lambda inner: st.tuples(st.sampled_from(("encode", "eigh", "decode")), st.lists(inner)),
    max_leaves=20,
)


@given(st.lists(TREES))
def test_sections_sum_to_the_whole_call(trees):
    device = FakeDevice()

    def run(tree):
        if isinstance(tree, int):
            device.work(tree)
            return
        with section(tree[0]):
            for inner in tree[1]:
                run(inner)

    times = SectionClock(device.clock).time(lambda: [run(tree) for tree in trees])
    assert sum(times.values()) == device.now
    assert times.get("other", 0) == sum(tree for tree in trees if isinstance(tree, int))


def test_a_sample_without_a_section_counts_as_zero():
    assert median_sections([{"eigh": 9}, {}, {"other": 3}]) == {"eigh": 0, "other": 0}
