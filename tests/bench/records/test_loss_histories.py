"""Loss histories are found beside students and copied whole."""

import pytest

from bench.records.loss_histories import copy_histories, find_history
from pcakd import zoo
from pcakd.errors import ConfigError, OutputError


def test_a_history_lies_beside_its_student(tmp_path):
    student = tmp_path / "mine.safetensors"
    assert find_history(str(student)) is None
    (tmp_path / "losses.csv").touch()
    assert find_history(str(student)) == tmp_path / "losses.csv"
    (tmp_path / "mine.losses.csv").touch()
    assert find_history(str(student)) == tmp_path / "mine.losses.csv"


def test_that_of_a_shipped_student_is_in_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "files", lambda package: tmp_path / package)
    (tmp_path / "pcakd.zoo").mkdir()
    current = tmp_path / "pcakd.zoo" / "vgg16.losses.csv"
    current.touch()
    assert find_history("vgg16") == find_history(f"vgg16@{zoo.CURRENT['vgg16']}") == current
    assert find_history("vgg16@77") is None
    (tmp_path / "pcakd.zoo" / "vgg16@77.losses.csv").touch()
    assert find_history("vgg16@77") == tmp_path / "pcakd.zoo" / "vgg16@77.losses.csv"
    assert find_history("mobilenet_v1") is None


def test_histories_are_copied_by_name(tmp_path):
    losses = tmp_path / "losses.csv"
    losses.write_bytes(b"block,attempt\r\n1,0\r\n")
    copy_histories(tmp_path / "run", {"mine": str(losses), "other": str(losses)})
    copied = sorted((tmp_path / "run" / "histories").iterdir())
    assert [path.name for path in copied] == ["mine.csv", "other.csv"]
    assert {path.read_bytes() for path in copied} == {losses.read_bytes()}


def test_no_history_makes_no_folder(tmp_path):
    copy_histories(tmp_path, {})
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_or_written_is_named(tmp_path):
    gone = {"mine": str(tmp_path / "gone.csv")}
    with pytest.raises(ConfigError, match=r"cannot read .*gone\.csv"):
        copy_histories(tmp_path, gone)
    (tmp_path / "gone.csv").touch()
    (tmp_path / "histories").touch()
    with pytest.raises(OutputError, match="histories"):
        copy_histories(tmp_path, gone)
