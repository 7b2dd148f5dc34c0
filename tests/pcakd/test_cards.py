from importlib.resources import as_file

import pytest

import pcakd
from pcakd.cards import add_relatives, list_trained_metrics
from pcakd.distillation.recipe import Recipe, StylizationWeights
from pcakd.students import load_student
from pcakd.zoo import find_file

GRAM = ("gram", "bounded_gram", "alexnet_gram")


@pytest.mark.parametrize(
    ("weights", "metrics"),
    [
        ({}, (*GRAM, "edge_ssim", "gmsd", "lpips", "dists")),
        ({"bounded_style": 0.0, "style": 1.0, "perceptual": 0.0}, (*GRAM, "edge_ssim", "gmsd")),
        (
            {"style": 1.0, "structure": 1.0, "edges": 0.0, "perceptual": 0.0},
            (*GRAM, "ssim", "ms_ssim"),
        ),
        ({"bounded_style": 0.0, "edges": 0.0, "perceptual": 0.0}, ()),
        (
            {
                "bounded_style": 0.0,
                "edges": 0.0,
                "perceptual": 0.0,
                "slices": 1.0,
                "multiscale": 1.0,
            },
            (*GRAM, "sliced_wasserstein", "ssim", "ms_ssim"),
        ),
    ],
)
def test_metrics_follow_from_the_weights_of_a_recipe(weights, metrics):
    recipe = Recipe(weights=StylizationWeights(**weights)).to_json()
    assert list_trained_metrics({"recipe": recipe}) == metrics


def test_a_list_on_the_card_comes_before_the_recipe():
    recipe = Recipe().to_json()
    assert list_trained_metrics({"recipe": recipe, "trained_metrics": ["ssim", 3]}) == (
        "ssim",
        "ms_ssim",
    )
    assert list_trained_metrics({"recipe": recipe, "trained_metrics": []}) == ()


@pytest.mark.parametrize("card", [{}, {"recipe": 3}, {"recipe": {"weights": [1]}}, {"recipe": {}}])
def test_cards_without_a_recipe_name_no_metric(card):
    assert list_trained_metrics(card) == ()


@pytest.mark.parametrize("name", pcakd.list_students(versions=True))
def test_the_shipped_cards_list_what_their_recipes_say(name):
    with as_file(find_file(name, ".json")) as path:
        listed = pcakd.load_card(path)["trained_metrics"]
    assert set(listed) >= {"gram", "lpips"}
    recipe = load_student(name).card["recipe"]
    assert sorted(list_trained_metrics({"recipe": recipe})) == sorted(add_relatives(listed))
