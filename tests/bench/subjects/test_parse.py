"""Subjects by name, and the names of rows."""

from pathlib import Path

import pytest

from bench.subjects import (
    parse_subject,
    parse_subjects,
    row_name,
)
from pcakd.errors import ConfigError, StudentFileError, UnknownNameError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reinhart", "subject 'reinhart' is not known; did you mean 'reinhard'"),
        ("vgg19-full+fp61", "precision 'fp61' is not known; did you mean 'fp16'"),
        ("vgg19-full@zac", "transform 'zac' is not known; did you mean 'zca'"),
        ("vgg19-full@", "subject 'vgg19-full@' is not known; did you mean 'vgg19-full'"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(text: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        parse_subject(text)


@pytest.mark.parametrize("text", ["mkl+fp16", "content@zca"])
def test_a_colour_transfer_takes_no_precision_or_transform(text: str) -> None:
    with pytest.raises(ConfigError, match="drop it"):
        parse_subject(text)


def test_a_missing_student_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudentFileError, match=r"none\.safetensors"):
        parse_subject(str(tmp_path / "none.safetensors"))


def test_several_subjects_must_differ(student_file: Path) -> None:
    both = parse_subjects([f"{student_file}@ot", f"{student_file}@zca", "mkl"])
    assert [s.transforms for s in both] == [("ot",), ("zca",), ("none",)]
    with pytest.raises(ConfigError, match="'mkl' is given twice"):
        parse_subjects(["mkl", "mkl"])
    with pytest.raises(ConfigError, match="no subjects given"):
        parse_subjects([])
    with pytest.raises(ConfigError, match="no transforms given"):
        parse_subjects(["mkl"], transforms=[])


def test_rows_name_all_transforms_but_the_default() -> None:
    names = [row_name("s", transform) for transform in ("zca", "ot", "none")]
    assert names == ["s", "s@ot", "s"]
