"""Latency, with a fake clock."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.plan.settings import CaseSettings
from bench.profiling.latency import (
    ClockTimer,
    CudaTimer,
    create_timer,
    measure_interleaved,
    measure_latency,
    needs_sample,
)

CPU = torch.device("cpu")


class FakeDevice:
    """A clock that moves when work is waited for, and a log of what happened."""

    def __init__(self):
        self.now = 0
        self.log = []

    def clock(self):
        self.log.append("read")
        return self.now

    def synchronize(self):
        self.log.append("wait")
        self.now += 5

    def call(self):
        self.log.append("call")
        self.now += 100


def test_warmup_is_untimed_and_waiting_is_timed():
    device = FakeDevice()
    timer = ClockTimer(device.clock, device.synchronize)
    assert measure_latency(device.call, timer=timer, warmup=2, samples=3) == [105, 105, 105]
    assert device.log == ["call"] * 2 + ["wait", "read", "call", "wait", "read"] * 3


@pytest.mark.parametrize(("warmup", "samples"), [(0, 1), (3, 0), (2, 7)])
def test_number_of_calls(warmup, samples):
    device = FakeDevice()
    taken = measure_latency(
        device.call, timer=ClockTimer(device.clock), warmup=warmup, samples=samples
    )
    assert len(taken) == samples
    assert device.log.count("call") == warmup + samples


@pytest.mark.parametrize(
    ("seconds", "count"),
    [(None, 9), (1.0, 9), (900e-9, 9), (800e-9, 8), (701e-9, 8), (150e-9, 2), (1e-9, 2)],
)
def test_sampling_stops_after_its_time(seconds, count):
    device = FakeDevice()
    taken = measure_latency(
        device.call, timer=ClockTimer(device.clock), warmup=1, samples=9, seconds=seconds
    )
    assert taken == [100] * count
    assert device.log.count("call") == 1 + count


@given(
    st.integers(1, 10), st.floats(1e-9, 2e-6), st.sampled_from([1, 32, 256, 1024])
)  # exact quotients
def test_as_many_samples_are_taken_as_predicted(samples, seconds, latency_ns):
    settings = CaseSettings(
        profile="quick", warmup=0, samples=samples, sample_seconds=seconds, case_seconds=1.0,
        memory_fraction=0.9,
    )  # fmt: skip
    taken = []
    while needs_sample(taken, samples=samples, seconds=seconds):
        taken.append(latency_ns)
    assert len(taken) == settings.expect_samples(latency_ns)


def test_one_sample_is_taken_without_a_second():
    device = FakeDevice()
    timer = ClockTimer(device.clock)
    assert measure_latency(device.call, timer=timer, warmup=0, samples=1, seconds=1.0) == [100]


def test_two_calls_take_turns_in_alternating_order():
    device = FakeDevice()

    def call(name, duration):
        device.log.append(name)
        device.now += duration

    a, b = measure_interleaved(
        lambda: call("A", 30), lambda: call("B", 10),
        timer=ClockTimer(device.clock), warmup=2, rounds=3,
    )  # fmt: skip
    assert (a, b) == ([30] * 3, [10] * 3)
    order = "".join(entry for entry in device.log if entry != "read")
    assert order == "ABAB" + "AB" + "BA" + "AB"
    assert device.log[:4] == ["A", "B", "A", "B"]  # warm-up is not timed


def test_processor_clock_is_default():
    samples = measure_latency(lambda: None, timer=create_timer(CPU), warmup=0, samples=2)
    assert all(type(each) is int and each >= 0 for each in samples)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_events():
    image = torch.rand(1, 3, 512, 512, device="cuda")
    samples = measure_latency(lambda: image * 2, timer=CudaTimer(), warmup=1, samples=3)
    assert all(0 < each < 10**9 for each in samples)
