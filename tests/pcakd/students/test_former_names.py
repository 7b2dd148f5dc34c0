"""Cards of former releases are read under today's names."""

import json

import pytest

from pcakd.students import list_students, load_card, load_student
from pcakd.students.former_names import rename_card


def test_cards_of_former_releases_have_todays_names(tmp_path):
    path = tmp_path / "card.json"
    path.write_text(json.dumps({"legs": [{"phase": "encoder"}], "recipe": {"twins": 0.5}}))
    assert load_card(path) == {"phases": [{"phase": "encoder"}], "recipe": {"identity_share": 0.5}}


def test_todays_cards_stay_as_they_are():
    card = {"name": "a", "phases": [], "recipe": {"identity_share": 0.5}}
    assert rename_card(card) == card


@pytest.mark.parametrize("name", list_students())
def test_shipped_cards_have_todays_names(name):
    card = load_card(name)
    assert card == load_student(name).card
    assert [each["phase"] for each in card["phases"]] == ["encoder", "autoencoder", "stylization"]
    assert card["recipe"]["identity_share"] == 0.125
    assert not {"legs", "twins"} & {*card, *card["recipe"]}
