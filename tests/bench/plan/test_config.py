"""Configuration files become benchmark profiles; a mistake is one line with the nearest match."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.plan.config import find_config, load_metrics, load_profile, parse_config
from bench.records.schema import METRIC_NAMES
from pcakd.errors import ConfigError, UnknownNameError
from pcakd.utils.resolutions import parse_resolution

ROOT = Path(__file__).parents[3]
PROFILE = {
    "subjects": ["a", "b"],
    "resolutions": ["HD", "4K"],
    "measured": ["HD"],
    "transforms": ["zca"],
    "warmup": 1,
    "samples": 3,
    "case_seconds": 5,
    "memory_fraction": 0.5,
    "quality_max_side": 0,
}


def parse(**changes):
    table = {key: value for key, value in (PROFILE | changes).items() if value is not None}
    return parse_config({"profiles": {"quick": table}})["quick"]


@pytest.mark.parametrize("name", ["quick", "full"])
def test_shipped_profiles(name):
    profile = load_profile(ROOT / "benchmarks.toml", name)
    assert [parse_resolution(each).name for each in profile.resolutions] == [
        "HD", "FHD", "QHD", "4K", "5K", "8K",
    ]  # fmt: skip
    assert set(profile.measured) <= set(profile.resolutions)
    settings = profile.settings("vgg16", "cpu")
    assert settings.processes == {"quick": 3, "full": 5}[name]
    assert settings.samples >= 4


def test_the_quick_profile_measures_few_sizes():
    profile = load_profile(ROOT / "benchmarks.toml", "quick")
    assert profile.settings("vgg16", "cpu").measured == ("HD", "FHD")
    assert profile.settings("vgg19-full", "cpu").measured == ("HD",)
    assert profile.settings("vgg19-full", "cpu").samples == 2
    assert profile.quality_max_side == 512


def test_capacity_is_off_unless_given():
    assert parse().capacity_gib == 0
    assert parse(capacity_gib=2).capacity_gib == 2
    assert load_profile(ROOT / "benchmarks.toml", "full").capacity_gib == 0.25


def test_curves_are_those_of_the_full_profile():
    quick, full = (load_profile(ROOT / "benchmarks.toml", name) for name in ("quick", "full"))
    assert quick.curve_strengths == quick.curve_regularizers == ()
    assert full.curve_strengths == (0.25, 0.5, 0.75, 1.0)
    assert full.curve_regularizers == (0.01, 0.1, 10.0, 100.0)


def test_later_overrides_win():
    profile = parse(
        overrides=[
            {"subjects": ["a"], "samples": 2, "measured": []},
            {"device": "cuda", "samples": 9},
        ]
    )
    assert profile.settings("a", "cpu").samples == 2
    assert profile.settings("a", "cpu").measured == ()
    assert profile.settings("a", "cuda").samples == 9
    assert profile.settings("a+fp16", "cpu").samples == 2
    assert profile.settings("b", "cpu").samples == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample": 3}, "'sample' is not known; did you mean 'samples'"),
        ({"zzz": 3}, "'zzz' is not known; Known: breakdown_resolutions, capacity_gib"),
        ({"samples": None}, "'samples' is missing"),
        ({"samples": "3"}, "'samples' must be a valid integer, got '3'"),
        ({"samples": 0}, "'samples' must be ≥ 1, got 0"),
        ({"warmup": -1}, "'warmup' must be ≥ 0"),
        ({"case_seconds": 0}, "'case_seconds' must be > 0"),
        ({"memory_fraction": 2}, "'memory_fraction' must be ≤ 1"),
        ({"memory_fraction": 0}, "'memory_fraction' must be > 0"),
        ({"capacity_gib": -1}, "'capacity_gib' must be ≥ 0"),
        ({"capacity_gib": "2GiB"}, "'capacity_gib' must be a valid number"),
        ({"subjects": "a"}, "'subjects' must be"),
        ({"overrides": 3}, "'overrides' must be"),
        ({"overrides": [3]}, r"'overrides\[0\]' must be"),
        ({"overrides": [{"sampels": 1}]}, r"'overrides\[0\].sampels' .* did you mean 'samples'"),
        ({"overrides": [{"samples": 0}]}, r"'overrides\[0\].samples' must be ≥ 1"),
        ({"name": "x"}, "'name' is not known"),
        ({"speed_ratios": "a b"}, "'speed_ratios' must be"),
        ({"speed_ratios": ["a"]}, "speed_ratios holds 'a'; write two subjects"),
        ({"speed_ratios": ["a b", "a c"]}, "names 'c', which is not one of the profile's subj"),
        ({"speed_ratios": ["a b", "a b"]}, "'speed_ratios': 'a b' is given twice"),
        ({"ratio_rounds": 0}, "'ratio_rounds' must be ≥ 1"),
        ({"ratio_round": 1}, "did you mean 'ratio_rounds'"),
        ({"breakdown_resolutions": ["8K"]}, "has '8K'; use those of resolutions: HD, 4K"),
        ({"curve_strengths": [0.5, 1.5]}, r"'curve_strengths\[1\]' must be ≤ 1"),
        ({"curve_strengths": [1, 1.0]}, "'curve_strengths': 1.0 is given twice"),
        ({"curve_regularizers": [0, 1]}, r"'curve_regularizers\[0\]' must be > 0"),
        ({"curve_regularizers": ["a"]}, r"'curve_regularizers\[0\]' must be a valid number"),
    ],
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse(**changes)
    assert str(caught.value).startswith("benchmarks.toml [profiles.quick]: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [{}, {"profiles": 1}, {"profile": {}}, {"profiles": {"a": 1}}])
def test_files_without_profiles(data):
    with pytest.raises(ConfigError):
        parse_config(data)


def test_metrics_are_all_unless_chosen(tmp_path):
    assert parse().metrics == METRIC_NAMES
    assert (
        load_metrics(ROOT / "benchmarks.toml")
        == load_profile(ROOT / "benchmarks.toml", "full").settings("vgg16", "cpu").metrics
    )
    chosen = {"metrics": {"measured": ["gmsd", "ssim"]}, "profiles": {"quick": PROFILE}}
    assert parse_config(chosen)["quick"].settings("a", "cpu").metrics == ("gmsd", "ssim")
    (tmp_path / "mine.toml").write_text('[metrics]\nmeasured = ["gram"]\n')
    assert load_metrics(tmp_path / "mine.toml") == ("gram",)


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"measured": ["gmds"]}, "metric 'gmds' is not known; did you mean 'gmsd'"),
        ({"measured": ["ssim", "ssim"]}, "'ssim' is given twice"),
        ({"measured": [3]}, "metric 3 is not known"),
        ({"measured": []}, "at least 1 item"),
        ({"measured": "ssim"}, "valid array"),
        ({"mesured": ["ssim"]}, "did you mean 'measured'"),
        (["ssim"], r"expected a table \[metrics\]"),
    ],
)
def test_mistakes_in_the_choice_of_metrics_are_one_line(metrics, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_config({"metrics": metrics, "profiles": {"quick": PROFILE}})
    assert str(caught.value).startswith("benchmarks.toml")
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"the table \[metrics\] chooses them"):
        parse(metrics=["ssim"])


def test_missing_broken_and_unknown(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        load_profile(tmp_path / "none.toml", "quick")
    (tmp_path / "broken.toml").write_text("= 3")
    with pytest.raises(ConfigError, match="cannot read"):
        load_profile(tmp_path / "broken.toml", "quick")
    with pytest.raises(UnknownNameError, match="did you mean 'quick'"):
        load_profile(ROOT / "benchmarks.toml", "quikc")


@pytest.mark.parametrize(
    ("seconds", "latency_ns", "expected"),
    [
        (None, 1e9, 9),
        (10.0, 0.0, 9),
        (10.0, 1e9, 9),
        (10.0, 3e9, 4),
        (10.0, 5e9, 2),
        (10.0, 1e12, 2),
    ],
)
def test_a_limit_of_time_leaves_two_samples_at_least(seconds, latency_ns, expected):
    values = {"samples": 9} | ({} if seconds is None else {"sample_seconds": seconds})
    settings = parse(**values).settings("a", "cpu")
    assert settings.expect_samples(latency_ns) == expected
    assert replace(settings, samples=1).expect_samples(latency_ns) == 1


@pytest.mark.parametrize("seconds", [0, -1.0])
def test_no_time_for_samples_is_refused(seconds):
    for changes in ({"sample_seconds": seconds}, {"overrides": [{"sample_seconds": seconds}]}):
        with pytest.raises(ConfigError, match="sample_seconds' must be > 0"):
            parse(**changes)


def test_speed_ratios_have_their_own_number_of_rounds():
    profile = parse(
        speed_ratios=["a b"], ratio_rounds=7, overrides=[{"device": "cuda", "ratio_rounds": 50}]
    )
    assert profile.speed_ratios == ("a b",)
    assert profile.ratio_resolution == "HD"
    assert profile.settings("a", "cpu").ratio_rounds == 7
    assert profile.settings("a", "cuda").ratio_rounds == 50
    assert parse().speed_ratios == ()


def test_old_keys_are_accepted_with_a_warning(capsys):
    old = {
        "paired": ["a b"],
        "paired_resolution": "4K",
        "paired_rounds": 7,
        "stages": ["HD"],
        "overrides": [{"device": "cuda", "paired_rounds": 50}],
    }
    new = {
        "speed_ratios": ["a b"],
        "ratio_resolution": "4K",
        "ratio_rounds": 7,
        "breakdown_resolutions": ["HD"],
        "overrides": [{"device": "cuda", "ratio_rounds": 50}],
    }
    assert parse(**old) == parse(**new)
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert warnings[0].startswith(
        "warning: benchmarks.toml: old keys 'paired' (now 'speed_ratios')"
    )
    assert warnings[0].count("'paired_rounds'") == 1
    with pytest.raises(ConfigError, match="'stages' and 'breakdown_resolutions' are the same"):
        parse(stages=["HD"], breakdown_resolutions=["HD"])


def test_the_file_of_this_folder_comes_before_that_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(Path("mine.toml")) == Path("mine.toml")
    packaged = find_config()
    assert packaged == ROOT / "benchmarks.toml"
    assert load_profile(packaged, "full").name == "full"
    (tmp_path / "benchmarks.toml").touch()
    assert find_config() == Path("benchmarks.toml")


def test_a_wheel_has_the_file_beside_the_module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "installed").mkdir()
    installed = tmp_path / "installed" / "benchmarks.toml"
    installed.touch()
    monkeypatch.setattr("bench.plan.config.files", lambda package: installed.parent)
    assert find_config() == installed
