"""Options of ``pcakd distill``."""

import argparse
from dataclasses import replace

import pytest

from pcakd.cli import main
from pcakd.commands import distill as command
from pcakd.distillation.recipe import Recipe, StylizationWeights
from pcakd.distillation.recipes import PHASES, change_recipe
from pcakd.errors import ConfigError, PcakdError
from pcakd.students import load_card


def _weights(text):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    options = ["--backbone", "tiny", "--data", "p", "-o", "o", "--loss-weights", text]
    return command.create_config(parser.parse_args(options), device="cpu").settings.weights


def test_loss_weights_by_name_change_only_these():
    default = Recipe().weights
    expected = replace(default, edges=1.0, structure=0.5)
    assert _weights("edges=1,structure=0.5") == expected
    assert _weights("edges = 1, structure=0.5") == expected


def test_five_loss_weights_are_those_of_earlier_releases():
    expected = StylizationWeights(
        style=1.1, structure=1.0, perceptual=1.5, taps=0.5, image=2.0, bounded_style=0.0, edges=0.0
    )
    assert _weights("1.1,1,1.5,0.5,2") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("edge=1", "loss weight 'edge' is not known"),
        ("edges=much", "--loss-weights edges takes one number"),
        ("edges=-1", "finite, 0 or more"),
        ("1,2,3", "--loss-weights takes five numbers"),
        ("edges=1,2", "loss weight '2' is not known"),
        ("edges=1,edges=2", "names edges twice"),
    ],
)
def test_bad_loss_weights_are_one_line(text, message):
    with pytest.raises(PcakdError, match=message) as caught:
        _weights(text)
    assert "\n" not in str(caught.value)


def test_weights_in_order_must_be_five():
    with pytest.raises(ConfigError, match="6 loss weights without names"):
        change_recipe(Recipe(), loss_weights=[1.0] * 6)
    with pytest.raises(ConfigError, match="got 'edge'"):
        change_recipe(Recipe(), loss_weights={"edge": 1.0})


def test_a_smoke_run_passes_where_a_training_of_its_length_collapses(photos, tmp_path, capsys):
    given = ["--backbone", "tiny", "--data", str(photos), "--device", "cpu"]
    strict = ["--set", "min_r2_share=0.999", "--set", "max_attempts=1"]
    assert main(["distill", *given, "-o", str(tmp_path / "smoke"), "--smoke", *strict]) == 0
    assert "warning: tap 1 has an R²" in capsys.readouterr().out
    card = load_card(tmp_path / "smoke/tiny.safetensors")
    assert card["smoke"] is True
    assert [card["recipe"][phase]["steps"] for phase in PHASES] == [20, 20, 20]
    options = ["--steps", "20", "--crop", "96", "--zoom", "96,192", "--batch", "2"]
    assert main(["distill", *given, "-o", str(tmp_path / "run"), *options, *strict]) == 2
    assert "encoder collapsed: tap 1 has an R²" in capsys.readouterr().err
