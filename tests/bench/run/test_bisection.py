"""The search against memory functions whose limit is known."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.run.bisection import MAX_TRIALS, Bounds, Trial, find_largest

MEMORY = 10**9
SMALLEST = 16


def bounds(largest=480, seconds=1e9, tolerance=0.02):
    return Bounds(
        smallest=SMALLEST,
        largest=largest,
        memory_bytes=MEMORY,
        seconds=seconds,
        tolerance=tolerance,
    )


def judge(peak, *, told=True, seconds=1e-3):
    if peak > MEMORY:
        return Trial(verdict="too_large", peak_bytes=peak if told else None)
    return Trial(verdict="fits", peak_bytes=peak, seconds=seconds)


@given(
    limit=st.integers(SMALLEST - 1, 700),
    largest=st.integers(SMALLEST, 700),
    power=st.floats(0.05, 12.0),
    told=st.booleans(),
    tolerance=st.sampled_from([0.0, 0.01, 0.02, 0.1]),
)
def test_the_limit_of_any_rising_memory_is_found_to_the_tolerance(
    limit, largest, power, told, tolerance
):
    def probe(scale):
        return judge(int(MEMORY * (scale / (limit + 0.5)) ** power), told=told)

    found = find_largest(probe, bounds(largest, tolerance=tolerance))
    if limit < SMALLEST:
        assert (found.largest, found.too_large, found.end) == (None, SMALLEST, "memory")
        assert len(found.trials) == 1
    elif limit >= largest:
        assert (found.largest, found.too_large, found.end) == (largest, None, "size")
    else:
        assert found.end == "memory"
        assert found.largest <= limit < found.too_large
        assert found.too_large - found.largest <= max(1, int(tolerance * found.largest))


@given(
    limit=st.integers(SMALLEST, 479),
    share=st.floats(0.001, 0.5),
    told=st.booleans(),
)
def test_affine_memory_takes_few_trials(limit, share, told):
    def probe(scale):
        square = (scale / (limit + 0.5)) ** 2
        return judge(int(MEMORY * (share + (1 - share) * square)), told=told)

    found = find_largest(probe, bounds())
    assert found.largest <= limit < found.too_large
    # just above the smallest scale no two are far enough apart to tell a slope
    assert len(found.trials) <= (7 if limit < 1.5 * SMALLEST else 6)


@given(st.data())
def test_noise_does_not_hang(data):
    def probe(scale):
        del scale
        peak = data.draw(st.integers(0, 2 * MEMORY))
        return judge(peak, told=data.draw(st.booleans()))

    found = find_largest(probe, bounds())
    scales = [scale for scale, _ in found.trials]
    assert len(set(scales)) == len(scales) <= MAX_TRIALS
    assert all(SMALLEST <= scale <= 480 for scale in scales)
    if found.largest and found.too_large:
        assert found.largest < found.too_large


@given(st.floats(1e-6, 1.0), st.floats(0.0, 20.0))
def test_scales_that_would_take_too_long_are_not_tried(rate, start):
    budget = 60.0

    def seconds(scale):
        return start + rate * scale**2

    found = find_largest(lambda scale: judge(scale, seconds=seconds(scale)), bounds(seconds=budget))
    tried = [scale for scale, _ in found.trials]
    assert tried == sorted(tried)
    assert all(seconds(scale) <= 1.001 * budget for scale in tried[1:])
    if found.end == "time":
        assert found.too_large is None
        if len(tried) > 1:
            assert seconds(1.25 * found.largest + 1) > budget
        else:  # one trial cannot tell its start from what grows
            assert seconds(SMALLEST) * 1.25**2 > 0.99 * budget
    else:
        assert (found.end, found.largest) == ("size", 480)


def test_time_also_bounds_the_search_below_a_size_that_ran_out():
    def probe(scale):
        if scale > 100:
            return Trial(verdict="too_large")
        return judge(1000 * scale**2, seconds=scale / 10)  # a tenth of what would fill the memory

    found = find_largest(probe, bounds(seconds=4.0))
    assert found.end == "time"
    assert found.largest <= 40


@pytest.mark.parametrize("verdict", ["timeout", "machine", "error"])
@pytest.mark.parametrize("limit", [0, 50])
def test_another_failure_ends_the_search_and_is_not_too_large(verdict, limit):
    def probe(scale):
        return judge(10**5 * scale**2) if scale <= limit else Trial(verdict=verdict, reason="why")

    found = find_largest(probe, bounds())
    assert found.end == verdict
    assert found.too_large is None
    assert (found.largest is None) == (limit == 0)
    assert found.trials[-1][1].reason == "why"
    assert all(low < high for (low, _), (high, _) in pairwise(found.trials))


def test_one_size_is_a_search_too():
    found = find_largest(lambda scale: judge(1), bounds(largest=SMALLEST))
    assert (found.largest, found.end, len(found.trials)) == (SMALLEST, "size", 1)
