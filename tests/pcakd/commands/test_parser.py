"""A parser whose errors are one line."""

import argparse

import pytest
from command_line import one_line

from pcakd.commands.parser import OneLineParser, parse_mixed, path_argument, seed


@pytest.fixture
def parser():
    result = OneLineParser(prog="tool")
    result.add_argument("files", nargs="+", type=path_argument)
    result.add_argument("--seed", type=seed)
    return result


def test_options_between_names(parser):
    args = parse_mixed(parser, ["a", "--seed", "3", "b"])
    assert [str(path) for path in args.files] == ["a", "b"]
    assert args.seed == 3


def test_a_parser_with_commands(parser):
    top = OneLineParser(prog="top")
    command = top.add_subparsers(required=True).add_parser("show")
    command.add_argument("name")
    assert parse_mixed(top, ["show", "x"]).name == "x"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "is empty"),
        (["a", "--seed", "-1"], "not between 0 and 4294967295"),
        (["a", "--seed", "x"], "invalid seed value"),
        ([], "required: files"),
        (["a", "--other"], "unrecognized arguments: --other"),
    ],
)
def test_bad_usage_is_one_line(parser, capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        parse_mixed(parser, arguments)
    one_line(capsys, "tool: error:", message, "(see tool --help)")


def test_seeds_are_integers():
    assert seed("4294967295") == 4294967295
    with pytest.raises(argparse.ArgumentTypeError, match="4294967296 is not between"):
        seed("4294967296")
