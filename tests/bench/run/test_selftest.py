"""The plan of a self-test."""

from small_runs import MACHINE, make_info, make_profile

from bench.run.selftest import plan_selftest
from pcakd.utils.resolutions import parse_resolution


def test_each_comparison_has_as_many_processes_and_the_order_alternates():
    settings = make_profile(processes=3).settings("plain", "cpu")
    planned = plan_selftest(
        make_info(), settings, parse_resolution("48x32"), MACHINE, comparisons=2
    )
    assert len(planned) == 2 * 3 * 3
    assert [each.repeat for each in planned[::3]] == list(range(6))
    firsts = [each.case.subject for each in planned[::3]]
    assert firsts == ["A", "B"] * 3
    assert {each.subject.source for each in planned} == {"plain"}
    assert {(each.case.subject, each.case.other) for each in planned[2::3]} == {("A", "B")}
