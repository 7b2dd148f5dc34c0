"""The descriptions of subjects."""

from bench.report.common.subjects import DESCRIPTIONS, describe_subjects
from bench.subjects import list_subjects


def test_all_subjects_of_the_package_are_described():
    assert set(list_subjects()) <= set(DESCRIPTIONS)


def test_unknown_subjects_are_left_out():
    assert describe_subjects(["mine"]) == ""
