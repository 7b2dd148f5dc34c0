"""Each kind of measurement has one name on the command line and one kind in records."""

from typing import get_args

from bench.records.schema import Kind
from bench.run.kinds import MEASUREMENTS, NAMES


def test_each_kind_of_case_has_one_measurement():
    assert NAMES == ("cost", "ratio", "breakdown", "capacity", "quality", "curve")
    assert sorted(each.kind for each in MEASUREMENTS) == sorted(get_args(Kind))
