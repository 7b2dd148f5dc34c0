"""Sizes of external results."""

from bench.run.external import evaluated_side


def test_the_size_of_a_run_without_quality_is_that_of_its_profile(make_cost):
    assert evaluated_side([make_cost(config={"quality_max_side": 512})]) == 512
    assert evaluated_side([]) == 0
