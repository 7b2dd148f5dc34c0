import pytest
import torch
from student_specs import TINY

from pcakd.costs.measure import LatencyCase, fits_memory, measure_case, plan_cases
from pcakd.errors import UnknownNameError
from pcakd.utils.resolutions import parse_resolution


def test_cases_are_of_two_kinds_and_reach_the_largest_ranks():
    cases = plan_cases((32, 64, 128, 256), ("HD", "8K"), seed=0)
    fitted = {case.ranks for case in cases if not case.held_out}
    held_out = {case.ranks for case in cases if case.held_out}
    assert not fitted & held_out
    assert len([case for case in cases if case.resolution.name == "HD"]) == 24
    assert len([case for case in cases if case.resolution.name == "8K"]) == 4
    for tap, most in enumerate((32, 64, 128, 256)):
        ranks = [case.ranks[tap] for case in cases]
        assert min(ranks) >= 2
        assert most / 2 < max(ranks) <= most
    assert cases == plan_cases((32, 64, 128, 256), ("HD", "8K"), seed=0)
    assert cases != plan_cases((32, 64, 128, 256), ("HD", "8K"), seed=1)


def test_a_narrow_grid_has_no_student_in_both_kinds():
    cases = plan_cases((2, 2, 3, 4), ("HD",), seed=0)
    assert len({case.ranks for case in cases}) == len(cases) == 6
    assert {case.held_out for case in cases} == {False, True}


def test_an_unknown_size_is_an_error():
    with pytest.raises(UnknownNameError, match="resolution"):
        plan_cases((4, 4, 4, 4), ("UHD",), seed=0)


def test_a_case_is_timed():
    case = LatencyCase(ranks=(2, 3, 4, 5), resolution=parse_resolution("64x48"), held_out=True)
    with torch.inference_mode():
        sample = measure_case(case, TINY, torch.device("cpu"), seed=0)
    assert (sample.ranks, sample.pixels, sample.held_out) == ((2, 3, 4, 5), 64 * 48, True)
    assert 0 < sample.latency_ns < 1e11
    assert all(isinstance(term, float) for term in sample.terms)


def test_a_case_must_fit_the_memory():
    case = LatencyCase(ranks=(2, 3, 4, 5), resolution=parse_resolution("8K"), held_out=False)
    assert fits_memory(case, TINY, 1 << 40)
    assert not fits_memory(case, TINY, 1 << 30)
