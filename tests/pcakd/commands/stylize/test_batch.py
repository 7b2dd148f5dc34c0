"""``pcakd stylize`` with many photographs."""

import errno
import shutil

from command_line import one_line
from PIL import Image
from stylize_command import file_names, run_stylize, stylize_into

from pcakd.errors import OutputError
from pcakd.styles import extract_style


def test_a_folder_gives_a_folder(folder, tmp_path):
    assert stylize_into(folder, folder / "photos", tmp_path / "out", "--strength", "0.5") == 0
    names = {p.name for p in (folder / "photos").iterdir()}
    assert {p.name for p in (tmp_path / "out").iterdir()} == names


def test_a_bad_photograph_does_not_stop_the_others(folder, tmp_path, capsys):
    photos = tmp_path / "photos"
    shutil.copytree(folder / "photos", photos)
    (photos / "broken.png").write_bytes((photos / "grey.png").read_bytes()[:60])
    Image.new("RGB", (1, 1)).save(photos / "dot.png")
    assert stylize_into(folder, photos, tmp_path / "out") == 2
    assert "2 of 8 images could not be stylized" in capsys.readouterr().err
    assert len(list((tmp_path / "out").iterdir())) == 6


def test_many_files_and_folders_and_the_style_at_the_end(folder, tmp_path, capsys):
    photos, output = folder / "photos", tmp_path / "out"
    inputs = [photos / "grey.png", photos / "turned.jpg", folder / "deeper"]
    arguments = [*inputs, folder / "style.png", "-o", output]
    assert run_stylize(*arguments, "--student", folder / "tiny.safetensors") == 0
    assert file_names(output) == ["grey.png", "late.png", "turned.jpg"]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        f"wrote {output / name}" for name in ("grey.png", "turned.jpg", "late.png")
    ]
    assert "(40×50, " in lines[1]  # the size of the upright result
    assert all(line.endswith(" s)") for line in lines)


def test_a_folder_that_exists_takes_a_single_photograph(folder, tmp_path):
    assert stylize_into(folder, folder / "photos" / "grey.png", tmp_path) == 0
    assert stylize_into(folder, folder / "photos" / "odd.png", f"{tmp_path}/new/") == 0
    assert file_names(tmp_path) == ["grey.png", "new/odd.png"]


def test_recursion_keeps_the_folders(folder, tmp_path):
    assert stylize_into(folder, folder / "deeper", tmp_path, "--recursive", "--format", "webp") == 0
    assert file_names(tmp_path) == ["a/b/first.webp", "late.webp"]


def test_existing_results_are_skipped(folder, tmp_path, capsys):
    output = tmp_path / "out"
    output.mkdir()
    (output / "grey.png").write_bytes(b"kept")
    assert stylize_into(folder, folder / "photos", output, "--skip-existing") == 0
    assert (output / "grey.png").read_bytes() == b"kept"
    error = capsys.readouterr().err
    assert "skipped 1 existing result" in error
    assert error.count("wrote ") == 5
    assert stylize_into(folder, folder / "photos", output, "--skip-existing") == 0
    assert "wrote" not in capsys.readouterr().err


def test_the_style_of_a_folder_is_measured_once(folder, tmp_path, monkeypatch):
    calls = []

    def count(student, images):
        calls.append(images)
        return extract_style(student, images)

    monkeypatch.setattr("pcakd.commands.stylize.command.extract_style", count)
    assert stylize_into(folder, folder / "photos", tmp_path / "out") == 0
    assert len(calls) == 1


def test_what_is_no_image_is_named_and_counted(folder, tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(folder / "style.png", photos / "saved.jfif")  # the content tells the format
    Image.new("RGB", (20, 20), "navy").save(photos / "a.gif")
    for index in range(7):
        (photos / f"IMG_{index}.HEIC").write_bytes(b"ftypheic")
    assert stylize_into(folder, photos, tmp_path / "out") == 0
    error = capsys.readouterr().err
    assert "left out 7 files of other formats: IMG_0.HEIC, IMG_1.HEIC, " in error
    assert "IMG_4.HEIC and 2 more\n" in error
    assert file_names(tmp_path / "out") == ["a.png", "saved.jfif"]


def test_bad_ones_among_several_are_named_and_the_rest_is_done(folder, tmp_path, capsys):
    wide = tmp_path / "wide.webp"
    Image.new("RGB", (16390, 16)).save(wide, format="PNG")  # WebP ends at 16383
    empty = tmp_path / "empty"
    empty.mkdir()
    photo = folder / "photos" / "grey.png"
    inputs = [wide, tmp_path / "missing.png", empty, photo, folder / "style.png"]
    options = ["-o", tmp_path / "out", "--student", folder / "tiny.safetensors"]
    assert run_stylize(*inputs, *options) == 2
    error = capsys.readouterr().err
    assert f"skipped {wide}: cannot write" in error
    assert f"skipped {tmp_path / 'missing.png'}: does not exist" in error
    assert f"skipped {empty} holds no image" in error
    assert "3 of 4 images could not be stylized, the rest is done" in error
    assert file_names(tmp_path / "out") == ["grey.png"]


def test_a_full_disk_ends_the_batch(folder, tmp_path, capsys, monkeypatch):
    def fail(path, *_, **__):
        raise OutputError(f"cannot write {path}: disk full") from OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("pcakd.commands.stylize.batch.save_image", fail)
    assert stylize_into(folder, folder / "photos", tmp_path / "out") == 2
    one_line(capsys, "disk full")


def test_no_folder_is_left_where_nothing_could_be_done(folder, tmp_path, capsys):
    missing = [tmp_path / "a.png", tmp_path / "b.png"]
    options = ["-o", tmp_path / "out", "--student", folder / "tiny.safetensors"]
    assert run_stylize(*missing, folder / "style.png", *options) == 2
    assert "none of 2 images could be stylized" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
