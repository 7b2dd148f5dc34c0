"""Records of ablations and the page that shows them."""

from pathlib import Path

import pytest

from bench.sweeps.page import write_page
from bench.sweeps.records import TrialRecord, load_records, save_record


def _record(**changes: object) -> TrialRecord:
    tap = {"r2": 0.4, "ceiling": 0.8, "channels": 10, "dead_channels": 0}
    phases = [{"taps": [tap] * 4}, {"held_out_losses": {"image4": 0.0123}, "taps": [tap] * 4}]
    fields = {
        "name": "b",
        "base": None,
        "about": "|",
        "options": ["--steps", "2"],
        "recipe": {"seed": 0},
        "base_recipe": {"seed": 0},
        "photos": "1",
        "pairs": "2",
        "commit": "0123abc",
        "environment": {"device_name": "a CPU", "threads": 1, "torch": "2.9.0"},
        "card": {"phases": phases, "core_minutes": 3.25},
        "scores": {"gram": {f"{pair:02d}": pair / 10 for pair in range(8)}},
    }
    return TrialRecord(**{**fields, **changes})


def test_records_round_trip_and_make_one_page(tmp_path: Path) -> None:
    base, same = _record(), _record(name="a", base="b", about="none")
    for record in (base, same):
        save_record(tmp_path, record)
    records = load_records(tmp_path)
    assert records == {"a": same, "b": base}
    page = write_page(records)
    assert "0.40, 0.40, 0.40, 0.40 (50%, 50%, 50%, 50%)" in page
    assert "0.012" in page
    assert "3.2 core" in page
    assert "0.350 (+0.000 [+0.000, +0.000])" in page
    assert "* device_name a CPU, threads 1, torch 2.9.0, commit `0123abc`: a, b." in page


def test_asterisks_are_corrected_for_all_comparisons_of_the_page() -> None:
    noise = [0.0, 0.02, -0.02, 0.01, -0.01, 0.03, -0.03, 0.0]
    shifted = {
        f"{pair:02d}": pair / 10 + 0.03 + each for pair, each in enumerate(noise)
    }  # its p-value is 0.009
    base, ablation = _record(), _record(name="a", base="b", scores={"gram": shifted})
    alone = write_page({"b": base, "a": ablation})
    assert "(+0.030 [+0.009, +0.051] *)" in alone
    assert "the 1 comparison of this page" in alone
    many = {name: _record(name=name, base="b") for name in "cdefgh"}
    page = write_page({"b": base, "a": ablation, **many})
    assert "(+0.030 [+0.009, +0.051])" in page
    assert "the 7 comparisons of this page" in page


def test_all_metrics_are_shown_and_those_that_were_trained_on_are_marked() -> None:
    values = {f"{pair:02d}": pair / 10 for pair in range(8)}
    scores = dict.fromkeys(("bounded_gram", "gmsd", "sliced_wasserstein"), values)
    base = _record(scores=scores, recipe={"weights": {"edges": 1.0}})
    other = _record(name="a", base="b", scores=scores, recipe={"weights": {"style": 1.0}})
    first, second = write_page({"b": base, "a": other}).split("The other metrics, style first:")
    assert "Bounded Gram" in first
    assert "GMSD" not in first
    header, _, base_row, row = second.strip().splitlines()[:4]
    assert header.index("Sliced Wasserstein ↓") < header.index("GMSD ↓")
    assert [cell.endswith("‡") for cell in map(str.strip, base_row.split("|"))][2:4] == [
        False,
        True,
    ]
    assert "‡" not in row
    assert "0.350 (+0.000 [+0.000, +0.000]) ‡" in first


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pairs": "3"}, "other image pairs"),
        ({"photos": "3"}, "other photographs"),
        ({"base_recipe": {"seed": 1}}, "another recipe of the base"),
        ({"options": ["--steps", "3"]}, "another base"),
        ({"protocol": {"gram": "b"}}, "another protocol"),
        ({"environment": {}}, "another machine"),
    ],
)
def test_records_that_cannot_be_compared_have_no_difference(
    changes: dict[str, object], reason: str
) -> None:
    page = write_page({"b": _record(), "a": _record(name="a", base="b", **changes)})
    assert f"`a` is not comparable: {reason}" in page
    assert "+0.000" not in page


def test_another_seed_holds_out_other_photographs_and_stays_comparable() -> None:
    ablation = _record(name="a", base="b", photos="3", recipe={"seed": 1})
    page = write_page({"b": _record(), "a": ablation})
    assert "not comparable" not in page
    assert "+0.000" in page


def test_a_setting_that_only_one_recipe_has_is_of_another_commit() -> None:
    base = {**_record().recipe, "trial": 0}
    ablation = _record(name="a", base="b", base_recipe=base, commit="4567def")
    page = write_page({"b": _record(), "a": ablation})
    assert "`a` was recorded at another commit than its base" in page
    assert "+0.000" in page


def test_a_record_belongs_to_its_options_and_images() -> None:
    record, recipe = _record(), {"seed": 0}
    assert record.is_of(["--steps", "2"], recipe, "1", "2")
    # no recipe holds the teacher's weights
    assert not record.is_of(["--steps", "2", "--weights", "torchvision"], recipe, "1", "2")
    assert not record.is_of(["--steps", "2"], {"seed": 1}, "1", "2")
    assert not record.is_of(["--steps", "2"], recipe, "0", "2")
    assert not record.is_of(["--steps", "2"], recipe, "1", "0")


def test_the_page_names_other_commits_and_missing_bases() -> None:
    page = write_page({"b": _record(), "a": _record(name="a", base="b", commit="4567def")})
    assert "`a` was recorded at another commit than its base" in page
    assert "No record of the base: a." in write_page({"a": _record(name="a", base="b")})


def test_records_of_former_releases_are_read(tmp_path: Path) -> None:
    former = _record(
        options=["--steps", "2", "--set", "twins=0"],
        recipe={"seed": 0, "twins": 0.0},
        base_recipe={"seed": 0, "twins": 0.125},
        card={"legs": [{"held_out_losses": {"image4": 0.0123}}]},
    )
    save_record(tmp_path, former)
    record = load_records(tmp_path)["b"]
    assert record.options == ["--steps", "2", "--set", "identity_share=0"]
    assert record.recipe == {"seed": 0, "identity_share": 0.0}
    assert record.base_recipe == {"seed": 0, "identity_share": 0.125}
    assert "0.012" in write_page({"b": record})


FOLDERS = sorted((Path(__file__).parents[3] / "reports").glob("ablations*"))


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_committed_pages_are_rendered_from_their_records(folder: Path) -> None:
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert write_page(load_records(folder)) == page


def test_there_are_committed_pages() -> None:
    assert FOLDERS
