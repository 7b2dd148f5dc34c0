"""TOML files become models; a mistake is one line with the file, the key and what to do."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field

from bench.plan.validation import read_toml, validate_table
from pcakd.errors import ConfigError

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Part(BaseModel):
    model_config = STRICT
    subjects: tuple[str, ...] = ()


class Whole(BaseModel):
    model_config = STRICT
    samples: Annotated[int, Field(ge=1)]
    share: float = 0.5
    parts: tuple[Part, ...] = ()


def read(folder, text):
    path = folder / "file.toml"
    path.write_text(text)
    return validate_table(read_toml(path), Whole, where=str(path))


def test_arrays_become_tuples_and_whole_numbers_floats(tmp_path):
    whole = read(tmp_path, 'samples = 2\nshare = 1\n[[parts]]\nsubjects = ["a"]')
    assert whole == Whole(samples=2, share=1.0, parts=(Part(subjects=("a",)),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sampels = 1", "key 'sampels' is not known; did you mean 'samples'?"),
        ("samples = 1\nzzz = 1", "key 'zzz' is not known; Known: parts, samples, share"),
        ("samples = 1\n[[parts]]\nsubject = []", r"'parts\[0\].subject' .* mean 'subjects'\?"),
        ("share = 0.1", "key 'samples' is missing; add it"),
        ("samples = 0", "key 'samples' must be ≥ 1, got 0"),
        ("samples = true", "key 'samples' must be a valid integer, got True"),
        ("samples = 1\nshare = nan", "key 'share' must be a finite number, got nan"),
        ('samples = 1\nparts = "a"', "key 'parts' must be a valid array, got 'a'"),
        ("= 3", "cannot read"),
    ],
)
def test_mistakes_are_one_line(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "file.toml") in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml does not exist"):
        read_toml(tmp_path / "none.toml")
