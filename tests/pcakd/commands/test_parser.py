"""A parser whose errors are one line."""

import argparse
from importlib import import_module
from pathlib import Path

import pytest
from command_line import one_line

from bench.cli import COMMANDS as BENCH_COMMANDS
from pcakd.cli import COMMANDS
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


def _actions(parser):
    for action in parser._actions:
        yield action
        for inner in getattr(action, "choices", None) or ():
            if isinstance(action, argparse._SubParsersAction):
                yield from _actions(action.choices[inner])


@pytest.mark.parametrize(
    "module",
    [
        *(f"pcakd.commands.{name.replace('-', '_')}" for name in COMMANDS),
        *(f"bench.commands.{name}" for name in BENCH_COMMANDS),
    ],
)
def test_no_command_takes_an_empty_path_for_the_current_folder(module):
    parser = argparse.ArgumentParser()
    import_module(module).add_arguments(parser)
    for action in _actions(parser):
        assert action.type is not Path, f"{module}: {action.dest}; use path_argument"
