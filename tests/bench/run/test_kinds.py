"""Each kind of measurement has one name on the command line and one kind in records."""

from pathlib import Path
from typing import get_args

from small_runs import make_description, make_info, make_profile

from bench.plan.image_pairs import ImagePair
from bench.records.schema import Kind, hash_case
from bench.run.kinds import MEASUREMENTS, NAMES


def test_each_kind_of_case_has_one_measurement():
    assert NAMES == ("cost", "contention", "ratio", "breakdown", "capacity", "quality", "curve")
    assert sorted(each.kind for each in MEASUREMENTS) == sorted(get_args(Kind))


def test_case_hashes_are_those_of_earlier_records():
    profile = make_profile(
        subjects=("plain", "other"),
        resolutions=("48x32",),
        speed_ratios=("plain other",),
        ratio_resolution="48x32",
        contention_resolutions=("48x32",),
        breakdown_resolutions=("48x32",),
        capacity_gib=0.25,
        curve_strengths=(0.5,),
    )
    pair = ImagePair(
        name="01", content=Path("c.png"), style=Path("s.png"), hash="0", width=64, height=48
    )
    description = make_description(
        make_info(regularizers=[2.5] * 4), make_info("other"), pairs=[pair]
    )
    hashes = {
        each.name: hash_case(each.plan(profile, description)[0].case)[:8] for each in MEASUREMENTS
    }
    assert hashes == {
        "cost": "127ab0a7",
        "contention": "0e1d3e08",
        "ratio": "fa48d5e2",
        "breakdown": "f1fcbce2",
        "capacity": "b17c89ca",
        "quality": "df5b1cbe",
        "curve": "c53ec06b",
    }
