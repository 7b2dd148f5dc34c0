"""Scores are added to a run folder over its own pairs alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.plan.image_pairs import ImagePair
from bench.run.same_pairs import require_same_pairs
from pcakd.errors import ConfigError


def pair(name, **changes):
    info = ImagePair(
        name=name,
        content=Path("c.png"),
        style=Path("s.png"),
        hash=f"hash of {name}",
        width=512,
        height=341,
    )
    return replace(info, **changes)


PAIRS = [pair("01"), pair("02")]


@pytest.fixture
def run(make_quality):
    untrained = make_quality("wct2-cat5", pair=None, status="untrained", reason="seeded")
    return [make_quality("vgg16", "01"), make_quality("vgg16", "02"), untrained]


def test_the_same_pairs_are_taken(run):
    require_same_pairs(run, PAIRS)
    require_same_pairs(run[2:], [pair("09")])  # nothing was scored yet
    require_same_pairs(run, [*PAIRS, pair("03")], complete=False)


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (PAIRS[1:], "the run evaluated image pair 01, --pairs does not have it"),
        ([PAIRS[0], pair("02", hash="another photograph")], "pair 02 of --pairs has other files"),
        ([PAIRS[0], pair("02", width=1536)], "pair 02 at 512×341 and not at 1536×341"),
    ],
)
def test_other_pairs_are_refused(run, pairs, message, complete):
    with pytest.raises(ConfigError, match=message):
        require_same_pairs(run, pairs, complete=complete)


def test_a_finished_run_takes_no_more_pairs(run):
    with pytest.raises(ConfigError, match="has no image pair 03"):
        require_same_pairs(run, [*PAIRS, pair("03")])
