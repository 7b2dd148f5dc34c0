"""Weights of trained peers: the source tree, a folder, the cache, a URL; by their hash."""

import hashlib
import json

import pytest

from bench.peers import fetching, zoo
from bench.peers.fetching import describe_file, find_weights
from bench.subjects import list_subjects, parse_subject
from bench.subjects.parse import find_card
from pcakd.errors import ConfigError, WeightsError

NAME = "wct2-sum-vgg16"
FILE = f"{NAME}.packed.safetensors"
CONTENT = b"weights"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Return the folders of a zoo with one card, of PCAKD_WEIGHTS, of the cache, of a publisher."""
    folders = {each: tmp_path / each for each in ("zoo", "weights", "cache", "published")}
    for each in ("zoo", "weights", "published"):
        folders[each].mkdir()
    monkeypatch.setattr(zoo, "_folder", lambda: folders["zoo"])
    monkeypatch.setattr(fetching, "cache_folder", lambda: folders["cache"])
    monkeypatch.setenv("PCAKD_WEIGHTS", str(folders["weights"]))
    _write_card(folders["zoo"], CONTENT)
    return folders


def _write_card(folder, content, **more):
    file = {"name": FILE, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / f"{NAME}.json").write_text(json.dumps({"file": file | more}))


def test_names_are_those_of_cards_with_or_without_weights(places):
    assert zoo.list_names() == (NAME,)
    assert zoo.is_name(NAME)
    assert not zoo.is_name("wct2-sum")
    assert NAME in list_subjects()
    assert find_card(NAME) == places["zoo"] / f"{NAME}.json"


def test_places_are_searched_in_order(places):
    places["cache"].mkdir()
    for place in ("cache", "weights", "zoo"):
        (places[place] / FILE).write_bytes(CONTENT)
        assert find_weights(NAME) == places[place] / FILE


def test_a_file_is_described_by_its_hash(places):
    (places["zoo"] / FILE).write_bytes(CONTENT)
    card = json.loads((places["zoo"] / f"{NAME}.json").read_text())
    assert describe_file(places["zoo"] / FILE) == card["file"]


@pytest.mark.parametrize("place", ["zoo", "weights", "cache"])
def test_another_file_of_the_name_is_refused(places, place):
    places["cache"].mkdir()
    (places[place] / FILE).write_bytes(CONTENT + b"!")
    with pytest.raises(WeightsError, match=rf"{place}/{FILE} has SHA-256 .*, expected"):
        find_weights(NAME)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"file": null}',
        '{"file": {"sha256": "abc"}}',
        '{"file": {"sha256": 1}}',
        json.dumps({"file": {"sha256": 64 * "0", "url": 1}}),
    ],
)
def test_a_card_that_names_no_file_is_one_line(places, text):
    (places["zoo"] / f"{NAME}.json").write_text(text)
    with pytest.raises(WeightsError, match=rf"{NAME}.json does not say which file"):
        parse_subject(NAME)


def test_weights_that_are_nowhere_are_one_line(places):
    with pytest.raises(WeightsError, match=r"not found: no .*cache; copy it from bench/peers/zoo"):
        parse_subject(NAME)
    with pytest.raises(ConfigError, match="int8 is for students"):
        parse_subject(f"{NAME}+int8")


def test_a_published_file_is_downloaded_once(places, capfd):
    source = places["published"] / FILE
    source.write_bytes(CONTENT)
    _write_card(places["zoo"], CONTENT, url=source.as_uri())
    assert find_weights(NAME) == places["cache"] / FILE
    assert "100%" in capfd.readouterr().err
    source.unlink()
    assert find_weights(NAME).read_bytes() == CONTENT


def test_a_file_that_an_earlier_release_left_in_the_cache_is_replaced(places):
    source = places["published"] / FILE
    source.write_bytes(CONTENT)
    _write_card(places["zoo"], CONTENT, url=source.as_uri())
    places["cache"].mkdir()
    (places["cache"] / FILE).write_bytes(b"earlier")
    assert find_weights(NAME, progress=False).read_bytes() == CONTENT


def test_a_published_file_of_another_hash_is_not_kept(places):
    source = places["published"] / FILE
    source.write_bytes(CONTENT + b"!")
    _write_card(places["zoo"], CONTENT, url=source.as_uri())
    with pytest.raises(WeightsError, match=r"cannot be fetched to .*hash"):
        find_weights(NAME, progress=False)
    assert list(places["cache"].iterdir()) == []


def test_an_unreachable_url_is_one_line(places):
    _write_card(places["zoo"], CONTENT, url=(places["published"] / "absent").as_uri())
    with pytest.raises(WeightsError, match="absent cannot be fetched") as caught:
        find_weights(NAME, progress=False)
    assert "\n" not in str(caught.value)
