"""Files are written whole or not at all."""

from pathlib import Path

import pytest

from pcakd.errors import OutputError
from pcakd.utils.files import (
    make_folder,
    require_output,
    write_atomically,
    write_safetensors,
    write_text,
)


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "mobilenet_v1"
    make_folder(folder)
    make_folder(folder)
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["file", "file/inside"])
def test_a_folder_where_a_file_stands_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(OutputError, match="cannot write into"):
        make_folder(tmp_path / name)
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_a_name_of_255_bytes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 125 + "1.txt")
    assert len(path.name.encode()) == 255
    write_text(path, "text")
    assert path.read_text(encoding="utf-8") == "text"
    assert list(tmp_path.iterdir()) == [path]


def test_files_of_another_kind_are_not_replaced(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"kept")
    (tmp_path / "old.json").touch()
    require_output(tmp_path / "old.json", ".json")
    require_output(tmp_path / "new.txt", ".json")
    with pytest.raises(OutputError, match=r"exists and does not end in \.json"):
        require_output(photo, ".json")
    with pytest.raises(OutputError, match=r"must end in \.safetensors"):
        write_safetensors(photo, {})
    assert photo.read_bytes() == b"kept"


def _write_half(path: Path, error: BaseException) -> None:
    with write_atomically(path) as stream:
        stream.write(b"half")
        raise error


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_an_exception_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(type(error)):
        _write_half(path, error)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
