"""Folders of images."""

from pathlib import Path

import pytest

from pcakd.errors import ImageError
from pcakd.images import list_images, scan_folder


def test_folder_listing(tmp_path):
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt", "c.webp"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    assert [p.name for p in list_images(tmp_path)] == ["a.png", "b.JPG", "c.webp"]


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(ImageError, match="holds no image"):
        list_images(tmp_path)
    with pytest.raises(ImageError, match="does not exist"):
        list_images(tmp_path / "none")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ImageError, match="is not a folder"):
        list_images(tmp_path / "a.png")


def test_a_folder_with_folders(tmp_path):
    for name in ("b.jpg", "raw/a.cr2", "raw/c.png", "out/d.png", ".trash/e.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "again").symlink_to(tmp_path)  # a loop

    def names(paths):
        return [str(path.relative_to(tmp_path)) for path in paths]

    flat = scan_folder(tmp_path)
    assert (names(flat.images), names(flat.others)) == (["b.jpg"], ["notes.txt"])
    deep = scan_folder(tmp_path, recursive=True, skip=tmp_path / "out")
    assert names(deep.images) == ["b.jpg", "raw/c.png"]
    assert names(deep.others) == ["notes.txt", "raw/a.cr2"]


def test_a_closed_folder_inside_is_listed_with_the_others(tmp_path, monkeypatch):
    """Root may enter any folder, so the refusal is simulated."""
    closed = tmp_path / "closed"
    closed.mkdir()
    listed = Path.iterdir

    def refuse(path):
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert scan_folder(tmp_path, recursive=True).others == [closed]
    with pytest.raises(ImageError, match=r"cannot list .*: Permission denied"):
        scan_folder(closed)
