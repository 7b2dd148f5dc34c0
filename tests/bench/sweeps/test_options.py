"""Options of ablations: those of ``pcakd distill``, with the same meaning."""

import argparse
from dataclasses import fields
from pathlib import Path

import pytest

from bench.plan.validation import validate_table
from bench.sweeps.arguments import read_arguments, write_arguments
from bench.sweeps.options import Options, RecipeSettings, create_config, merge_options
from pcakd.commands import distill as command

TABLE = {
    "backbone": "tiny",
    "mcev": 0.8,
    "steps": [8, 3, 3],
    "rate": 0.01,
    "batch": [2, 2, 4],
    "crop": 64,
    "zoom": [32, 96],
    "loss_weights": [1.1, 1, 1.5, 0.5, 2],
    "perceptual": "tiny",
    "transform": "ot",
    "average": 0,
    "basis_images": 60,
    "held_out": 12,
    "regularizer": [0.1, 0.2, 0.3, 0.4],
    "seed": 3,
    "set": {"identity_share": 0.25, "max_attempts": 2, "min_r2_share": -9},
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser


def test_a_table_and_its_arguments_give_one_configuration() -> None:
    options = validate_table(TABLE, Options, where="a")
    config = create_config(options, data=Path("p"), output=Path("o"), name="a")
    places = ["--data", "p", "-o", "o", "--name", "a"]
    args = _parser().parse_args([*places, *write_arguments(TABLE)])
    assert command.create_config(args, device="auto") == config
    assert config.settings.encoder.steps == 8
    assert config.settings.regularizer == (0.1, 0.2, 0.3, 0.4)


def test_arguments_are_read_as_they_were_written() -> None:
    assert read_arguments(write_arguments(TABLE)) == TABLE
    assert read_arguments(["--steps", "3", "--steps", "4"]) == {"steps": 4}


def test_every_option_of_the_command_but_places_is_an_option_of_an_ablation() -> None:
    known = {action.dest for action in _parser()._actions}
    outside = {"help", "data", "output", "name", "resume", "compare_with", "device"}
    outside |= {"smoke", "bases"}
    assert {field.name for field in fields(Options)} == known - outside
    assert {field.name for field in fields(RecipeSettings)} == {*command._SETTINGS}


@pytest.mark.parametrize("rule", [{"mcev": 0.5}, {"ranks": 4}, {"explained": 0.5}])
def test_a_rank_rule_replaces_that_of_the_base(rule: dict[str, float]) -> None:
    merged = merge_options({"ranks": [1, 2, 3, 4], "seed": 3, "set": {"ridge": 1}}, rule)
    assert merged == {"seed": 3, "set": {"ridge": 1}} | rule
    assert merge_options({"set": {"ridge": 1}}, {"set": {"exposure": 0}}) == {
        "set": {"ridge": 1, "exposure": 0}
    }
