import argparse

import pytest

from pcakd.commands.options import (
    add_ranks,
    add_teacher,
    four_integers,
    four_rates,
    rank_rule,
    read_numbers,
)
from pcakd.errors import ConfigError


def _parse(*given):
    parser = argparse.ArgumentParser()
    add_teacher(parser)
    add_ranks(parser)
    return parser.parse_args(given)


@pytest.mark.parametrize(
    ("backbone", "ranks", "mcev"),
    [("vgg19", (10, 20, 58, 64), None), ("mobilenet_v2", None, 0.85)],
)
def test_the_default_rule_is_the_paper_s_or_an_mcev_of_085(backbone, ranks, mcev):
    rule = rank_rule(_parse("--backbone", backbone))
    assert (rule.ranks, rule.mcev) == (ranks, mcev)


def test_the_given_rule_replaces_the_default():
    assert rank_rule(_parse("--backbone", "vgg16", "--ranks", "3")).ranks == (3, 3, 3, 3)
    assert rank_rule(_parse("--backbone", "vgg16", "--mcev", "0.5")).mcev == 0.5
    assert rank_rule(_parse("--backbone", "vgg16", "--explained", "0.5")).explained == 0.5


@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        ("1,2,3", "--ranks takes one integer, or four like 1,2,3,4, got '1,2,3'"),
        ("0", "--ranks takes positive integers, got '0'"),
        ("9,12,16,20", r"ranks \(9, 12, 16, 20\) do not fit tiny; .* at most \(8, 12, 16, 20\)"),
    ],
)
def test_ranks_that_make_no_sense_are_an_error(ranks, message):
    with pytest.raises(ConfigError, match=message):
        rank_rule(_parse("--backbone", "tiny", "--ranks", ranks))


def test_numbers_are_read_as_asked():
    assert four_rates("--rate", "0.1") == (0.1,) * 4
    assert four_integers("--steps", "1,2,3,4") == (1, 2, 3, 4)
    assert read_numbers("--zoom", "112,352", int, 2) == (112, 352)
    with pytest.raises(ConfigError, match="--zoom takes two integers like 1,2, got '1'"):
        read_numbers("--zoom", "1", int, 2)
