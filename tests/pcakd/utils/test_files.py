"""Folders that are made for what a command writes."""

from pathlib import Path

import pytest

from pcakd.errors import OutputError
from pcakd.utils.files import make_folder


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
