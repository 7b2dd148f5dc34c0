"""Sizes of external results."""

from bench.run.external import scored_side


def test_the_size_of_a_run_without_quality_is_that_of_its_profile(make_cost):
    assert scored_side([make_cost(config={"quality_max_side": 512})]) == 512
    assert scored_side([]) == 0
