"""``pcakd stylize`` as a photographer uses it: right images, or one line and exit status 2."""

import errno
import os
import pickle
import shutil
import signal
import stat
import subprocess
import sys

import pytest
import torch
from command_line import one_line
from PIL import ExifTags, Image

from pcakd.cli import main
from pcakd.errors import OutputError
from pcakd.images import load_image
from pcakd.students import StudentSpec, create_student, load_student
from pcakd.styles import extract_style


def _stylize(folder, content, output, *options):
    student = folder / "tiny.safetensors"
    arguments = ["stylize", content, folder / "style.png", "-o", output, "--student", student]
    return main([str(a) for a in (*arguments, "--device", "cpu", *options)])


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("odd.png", (17, 31)),
        ("grey.png", (40, 50)),
        ("cmyk.jpg", (40, 50)),
        ("alpha.png", (40, 50)),
        ("deep.png", (40, 50)),
        ("turned.jpg", (50, 40)),
    ],
)
def test_every_kind_of_photograph_keeps_its_size(folder, tmp_path, name, size):
    output = tmp_path / "out.png"
    assert _stylize(folder, folder / "photos" / name, output) == 0
    assert load_image(output).shape == (3, *size)
    assert list(tmp_path.iterdir()) == [output]


def test_a_folder_gives_a_folder(folder, tmp_path):
    assert _stylize(folder, folder / "photos", tmp_path / "out", "--strength", "0.5") == 0
    names = {p.name for p in (folder / "photos").iterdir()}
    assert {p.name for p in (tmp_path / "out").iterdir()} == names


def test_a_bad_photograph_does_not_stop_the_others(folder, tmp_path, capsys):
    photos = tmp_path / "photos"
    shutil.copytree(folder / "photos", photos)
    (photos / "broken.png").write_bytes((photos / "grey.png").read_bytes()[:60])
    Image.new("RGB", (1, 1)).save(photos / "dot.png")
    assert _stylize(folder, photos, tmp_path / "out") == 2
    assert "2 of 8 images could not be stylized" in capsys.readouterr().err
    assert len(list((tmp_path / "out").iterdir())) == 6


def test_transforms_strengths_and_the_filter_matter(folder, tmp_path):
    results = {}
    for label, options in {
        "zca": (),
        "ot": ("--transform", "ot"),
        "adain": ("--transform", "adain"),
        "half": ("--strength", "0.5"),
        "filter": ("--guided-filter",),
    }.items():
        output = tmp_path / f"{label}.png"
        assert _stylize(folder, folder / "photos" / "grey.png", output, *options) == 0
        results[label] = load_image(output)
    names = list(results)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            assert not torch.equal(results[first], results[second]), (first, second)


def _text(path):
    path.write_text("not a picture")


def _dot(path):
    Image.new("RGB", (1, 1)).save(path)


def _bomb(path):
    Image.new("1", (30_000, 30_000)).save(path)


@pytest.mark.parametrize(
    ("make", "message"), [(_text, "not an image"), (_dot, "1 × 1"), (_bomb, "30000"), (None, "")]
)
def test_a_bad_content_is_one_line(folder, tmp_path, capsys, make, message):
    content = tmp_path / "content.png"
    if make:
        make(content)
    assert _stylize(folder, content, tmp_path / "out.png") == 2
    one_line(capsys, "pcakd: error:", message)
    assert not (tmp_path / "out.png").exists()


def test_an_empty_folder_is_one_line(folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert _stylize(folder, tmp_path / "empty", tmp_path / "out") == 2
    one_line(capsys, "empty")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output", ["no/out.png", "out.xyz", "out"])
def test_a_bad_output_is_one_line(folder, tmp_path, capsys, output):
    assert _stylize(folder, folder / "photos" / "grey.png", tmp_path / output) == 2
    one_line(capsys, "pcakd: error:")
    assert not list(tmp_path.iterdir())


def test_bad_students_areone_line(folder, tmp_path, capsys):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(pickle.dumps([1]))
    assert _stylize(folder, folder / "style.png", tmp_path / "o.png", "--student", str(bad)) == 2
    one_line(capsys, bad, "safetensors")
    assert _stylize(folder, folder / "style.png", tmp_path / "o.png", "--student", "vgg") == 2
    one_line(capsys, "student 'vgg' is not known")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes among the files of this system")
def test_a_pipe_is_not_replaced_by_a_picture(folder, tmp_path, capsys):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    assert _stylize(folder, folder / "style.png", pipe) == 2
    one_line(capsys, pipe, "device or a pipe")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")]
)
def test_out_of_memory_is_one_line(folder, tmp_path, capsys, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("pcakd.commands.stylize.batch.stylize", fail)
    assert _stylize(folder, folder / "style.png", tmp_path / "out.png") == 2
    one_line(capsys, "style.png", "too large for the memory")
    monkeypatch.setattr("pcakd.commands.stylize.command.load_student", fail)
    assert _stylize(folder, folder / "style.png", tmp_path / "out.png") == 2
    one_line(capsys, "out of memory")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are Unix's")
def test_a_full_disk_leaves_what_was_there(folder, tmp_path):
    """A limit on the size of files fails a write half-way, as a full disk does."""
    output = tmp_path / "out.png"
    output.write_bytes(b"before")
    code = (
        "import resource, sys; from pcakd.cli import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); sys.exit(main(sys.argv[1:]))"
    )
    arguments = [folder / "photos" / "grey.png", folder / "style.png", "-o", output]
    options = ["--student", folder / "tiny.safetensors", "--device", "cpu"]
    command = [sys.executable, "-c", code, "stylize", *map(str, arguments), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert f"cannot write {output}" in done.stderr
    assert output.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [output]


def test_a_photograph_is_not_overwritten_by_its_stylization(folder, tmp_path, capsys):
    photo = tmp_path / "photo.png"
    shutil.copy(folder / "photos" / "grey.png", photo)
    before = photo.read_bytes()
    assert _stylize(folder, photo, photo) == 2
    one_line(capsys, photo, "is one of the inputs")
    assert photo.read_bytes() == before


def _run(*arguments):
    return main(["stylize", *map(str, arguments), "--device", "cpu"])


def _names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_many_files_and_folders_and_the_style_at_the_end(folder, tmp_path, capsys):
    photos, output = folder / "photos", tmp_path / "out"
    inputs = [photos / "grey.png", photos / "turned.jpg", folder / "deeper"]
    arguments = [*inputs, folder / "style.png", "-o", output]
    assert _run(*arguments, "--student", folder / "tiny.safetensors") == 0
    assert _names(output) == ["grey.png", "late.png", "turned.jpg"]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        f"wrote {output / name}" for name in ("grey.png", "turned.jpg", "late.png")
    ]
    assert "(40×50, " in lines[1]  # the size of the upright result
    assert all(line.endswith(" s)") for line in lines)


def test_options_may_stand_between_the_names(folder, tmp_path):
    photo, output = folder / "photos" / "grey.png", tmp_path / "out.png"
    student = folder / "tiny.safetensors"
    assert _run(photo, "--student", student, folder / "style.png", "-o", output) == 0
    assert output.exists()


def test_quiet_prints_nothing(folder, tmp_path, capsys):
    assert _stylize(folder, folder / "photos", tmp_path / "out", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_folder_that_exists_takes_a_single_photograph(folder, tmp_path):
    assert _stylize(folder, folder / "photos" / "grey.png", tmp_path) == 0
    assert _stylize(folder, folder / "photos" / "odd.png", f"{tmp_path}/new/") == 0
    assert _names(tmp_path) == ["grey.png", "new/odd.png"]


def test_recursion_keeps_the_folders(folder, tmp_path):
    assert _stylize(folder, folder / "deeper", tmp_path, "--recursive", "--format", "webp") == 0
    assert _names(tmp_path) == ["a/b/first.webp", "late.webp"]


def test_existing_results_are_skipped(folder, tmp_path, capsys):
    output = tmp_path / "out"
    output.mkdir()
    (output / "grey.png").write_bytes(b"kept")
    assert _stylize(folder, folder / "photos", output, "--skip-existing") == 0
    assert (output / "grey.png").read_bytes() == b"kept"
    error = capsys.readouterr().err
    assert "skipped 1 result that exist" in error
    assert error.count("wrote ") == 5
    assert _stylize(folder, folder / "photos", output, "--skip-existing") == 0
    assert "wrote" not in capsys.readouterr().err


def test_a_style_file_is_what_its_photograph_is(folder, tmp_path):
    student = load_student(folder / "tiny.safetensors")
    saved = tmp_path / "look.safetensors"
    extract_style(student, load_image(folder / "style.png")).save(saved)
    photo = folder / "photos" / "odd.png"
    arguments = ["--student", folder / "tiny.safetensors", "-o"]
    assert _run(photo, folder / "style.png", *arguments, tmp_path / "a.png") == 0
    assert _run(photo, "--style", saved, *arguments, tmp_path / "b.png") == 0
    assert _run(photo, saved, *arguments, tmp_path / "c.png") == 0
    assert _run(photo, "--style", folder / "style.png", *arguments, tmp_path / "d.png") == 0
    results = [(tmp_path / f"{name}.png").read_bytes() for name in "abcd"]
    assert len({*results}) == 1


def test_a_style_of_another_student_is_one_line(folder, tmp_path, capsys):
    saved = tmp_path / "look.safetensors"
    spec = StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))
    extract_style(create_student(spec, seed=1), load_image(folder / "style.png")).save(saved)
    assert _stylize(folder, folder / "photos", tmp_path / "out", "--style", saved) == 2
    one_line(capsys, saved, "student")
    assert _names(tmp_path) == ["look.safetensors"]


def test_the_style_of_a_folder_is_measured_once(folder, tmp_path, monkeypatch):
    calls = []

    def count(student, images):
        calls.append(images)
        return extract_style(student, images)

    monkeypatch.setattr("pcakd.commands.stylize.command.extract_style", count)
    assert _stylize(folder, folder / "photos", tmp_path / "out") == 0
    assert len(calls) == 1


def test_metadata_and_profile_are_kept_or_stripped(folder, tmp_path):
    source = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "EOS R5"
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (30, 20), "teal").save(source, exif=exif)
    for name, options in (("kept", ()), ("stripped", ("--strip",))):
        assert _stylize(folder, source, tmp_path / f"{name}.jpg", *options) == 0
        with Image.open(tmp_path / f"{name}.jpg") as image:
            assert image.size == (20, 30)
            stored, profile = dict(image.getexif()), image.info.get("icc_profile")
        if options:
            assert (stored, profile) == ({}, None)
        else:
            assert stored[ExifTags.Base.Model] == "EOS R5"
            assert stored[ExifTags.Base.Orientation] == 1
            assert profile


def test_quality_and_format(folder, tmp_path):
    photo = folder / "photos" / "grey.png"
    for quality in ("20", "95"):
        output = tmp_path / quality
        assert _stylize(folder, photo, f"{output}/", "--format", "jpg", "--quality", quality) == 0
    sizes = [(tmp_path / quality / "grey.jpg").stat().st_size for quality in ("20", "95")]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_is_near(folder, tmp_path, precision):
    photo = folder / "photos" / "turned.jpg"
    assert _stylize(folder, photo, tmp_path / "a.png") == 0
    assert _stylize(folder, photo, tmp_path / "b.png", "--precision", precision) == 0
    difference = load_image(tmp_path / "a.png") - load_image(tmp_path / "b.png")
    assert 0.0 < float(difference.abs().mean()) < 0.05


def test_what_is_no_image_is_named_and_counted(folder, tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(folder / "style.png", photos / "saved.jfif")  # the content tells the format
    Image.new("RGB", (20, 20), "navy").save(photos / "a.gif")
    for index in range(7):
        (photos / f"IMG_{index}.HEIC").write_bytes(b"ftypheic")
    assert _stylize(folder, photos, tmp_path / "out") == 0
    error = capsys.readouterr().err
    assert "left out 7 files of other formats: IMG_0.HEIC, IMG_1.HEIC, " in error
    assert "IMG_4.HEIC and 2 more\n" in error
    assert _names(tmp_path / "out") == ["a.png", "saved.jfif"]


def test_bad_ones_among_several_are_named_and_the_rest_is_done(folder, tmp_path, capsys):
    wide = tmp_path / "wide.webp"
    Image.new("RGB", (16390, 16)).save(wide, format="PNG")  # WebP ends at 16383
    empty = tmp_path / "empty"
    empty.mkdir()
    photo = folder / "photos" / "grey.png"
    inputs = [wide, tmp_path / "missing.png", empty, photo, folder / "style.png"]
    options = ["-o", tmp_path / "out", "--student", folder / "tiny.safetensors"]
    assert _run(*inputs, *options) == 2
    error = capsys.readouterr().err
    assert f"skipped {wide}: cannot write" in error
    assert f"skipped {tmp_path / 'missing.png'}: does not exist" in error
    assert f"skipped {empty} holds no image" in error
    assert "3 of 4 images could not be stylized, the rest is done" in error
    assert _names(tmp_path / "out") == ["grey.png"]


def test_a_full_disk_ends_the_batch(folder, tmp_path, capsys, monkeypatch):
    def fail(path, *_, **__):
        raise OutputError(f"cannot write {path}: disk full") from OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("pcakd.commands.stylize.batch.save_image", fail)
    assert _stylize(folder, folder / "photos", tmp_path / "out") == 2
    one_line(capsys, "disk full")


@pytest.mark.parametrize("place", ["content", "style", "output", "--style"])
def test_an_empty_argument_is_one_line(folder, tmp_path, capsys, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    names = {"content": folder / "style.png", "style": folder / "style.png", "output": "a.png"}
    names |= {place: ""}
    arguments = [names["content"], names["style"], "-o", names["output"]]
    arguments += ["--style", ""] if place == "--style" else []
    with pytest.raises(SystemExit, match="2"):
        _run(*arguments)
    one_line(capsys, "is empty")
    assert _names(tmp_path) == []


def test_a_single_name_without_a_style_is_one_line(folder, tmp_path, capsys):
    assert _run(folder / "style.png", "-o", tmp_path / "a.png") == 2
    one_line(capsys, "style.png is the only photograph", "--style")


@pytest.mark.parametrize(
    "options", [("--quality", "0"), ("--quality", "101"), ("--strength", "nan")]
)
def test_options_out_of_range_are_one_line(folder, tmp_path, capsys, options):
    assert _stylize(folder, folder / "style.png", tmp_path / "a.jpg", *options) == 2
    one_line(capsys, options[0], "must lie in")


def test_the_old_seed_is_accepted_with_a_warning(folder, tmp_path, capsys):
    assert _stylize(folder, folder / "style.png", tmp_path / "a.png", "--seed", "3") == 0
    assert "warning: --seed has no effect" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_no_temporary_file(folder, tmp_path, number):
    """The signal arrives while the result is being written."""
    code = (
        "import os, sys, PIL.Image\n"
        "from pcakd.cli import main\n"
        "def save(image, stream, **_):\n"
        "    stream.write(b'half')\n"
        "    stream.flush()\n"
        "    assert [n for n in os.listdir(sys.argv[1]) if n.endswith('.part')]\n"
        f"    os.kill(os.getpid(), {int(number)})\n"
        "PIL.Image.Image.save = save\n"
        "sys.exit(main(sys.argv[2:]))\n"
    )
    arguments = [folder / "photos" / "grey.png", folder / "style.png", "-o", tmp_path / "a.png"]
    options = ["--student", folder / "tiny.safetensors", "--device", "cpu"]
    command = [sys.executable, "-c", code, tmp_path, "stylize", *arguments, *options]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 128 + number, done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_no_folder_is_left_where_nothing_could_be_done(folder, tmp_path, capsys):
    missing = [tmp_path / "a.png", tmp_path / "b.png"]
    options = ["-o", tmp_path / "out", "--student", folder / "tiny.safetensors"]
    assert _run(*missing, folder / "style.png", *options) == 2
    assert "none of 2 images could be stylized" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
