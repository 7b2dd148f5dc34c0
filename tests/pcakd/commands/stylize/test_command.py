"""``pcakd stylize`` as a photographer uses it: right images, or one line and exit status 2."""

import os
import pickle
import shutil
import signal
import stat
import subprocess
import sys

import pytest
from command_line import one_line
from PIL import ExifTags, Image
from stylize_command import file_names, run_stylize, stylize_into

from pcakd.images import load_image
from pcakd.students import StudentSpec, create_student, load_student
from pcakd.styles import extract_style


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
    assert stylize_into(folder, folder / "photos" / name, output) == 0
    assert load_image(output).shape == (3, *size)
    assert list(tmp_path.iterdir()) == [output]


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
    assert stylize_into(folder, content, tmp_path / "out.png") == 2
    one_line(capsys, "pcakd: error:", message)
    assert not (tmp_path / "out.png").exists()


def test_an_empty_folder_is_one_line(folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert stylize_into(folder, tmp_path / "empty", tmp_path / "out") == 2
    one_line(capsys, "empty")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output", ["no/out.png", "out.xyz", "out"])
def test_a_bad_output_is_one_line(folder, tmp_path, capsys, output):
    assert stylize_into(folder, folder / "photos" / "grey.png", tmp_path / output) == 2
    one_line(capsys, "pcakd: error:")
    assert not list(tmp_path.iterdir())


def test_bad_students_areone_line(folder, tmp_path, capsys):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(pickle.dumps([1]))
    assert (
        stylize_into(folder, folder / "style.png", tmp_path / "o.png", "--student", str(bad)) == 2
    )
    one_line(capsys, bad, "safetensors")
    assert stylize_into(folder, folder / "style.png", tmp_path / "o.png", "--student", "vgg") == 2
    one_line(capsys, "student 'vgg' is not known")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes among the files of this system")
def test_a_pipe_is_not_replaced_by_a_picture(folder, tmp_path, capsys):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    assert stylize_into(folder, folder / "style.png", pipe) == 2
    one_line(capsys, pipe, "device or a pipe")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")]
)
def test_out_of_memory_is_one_line(folder, tmp_path, capsys, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("pcakd.commands.stylize.batch.stylize", fail)
    assert stylize_into(folder, folder / "style.png", tmp_path / "out.png") == 2
    one_line(capsys, "style.png", "too large for the memory")
    monkeypatch.setattr("pcakd.commands.stylize.command.load_student", fail)
    assert stylize_into(folder, folder / "style.png", tmp_path / "out.png") == 2
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
    assert stylize_into(folder, photo, photo) == 2
    one_line(capsys, photo, "is one of the inputs")
    assert photo.read_bytes() == before


def test_a_style_file_is_what_its_photograph_is(folder, tmp_path):
    student = load_student(folder / "tiny.safetensors")
    saved = tmp_path / "look.safetensors"
    extract_style(student, load_image(folder / "style.png")).save(saved)
    photo = folder / "photos" / "odd.png"
    arguments = ["--student", folder / "tiny.safetensors", "-o"]
    assert run_stylize(photo, folder / "style.png", *arguments, tmp_path / "a.png") == 0
    assert run_stylize(photo, "--style", saved, *arguments, tmp_path / "b.png") == 0
    assert run_stylize(photo, saved, *arguments, tmp_path / "c.png") == 0
    assert run_stylize(photo, "--style", folder / "style.png", *arguments, tmp_path / "d.png") == 0
    results = [(tmp_path / f"{name}.png").read_bytes() for name in "abcd"]
    assert len({*results}) == 1


def test_a_style_of_another_student_is_one_line(folder, tmp_path, capsys):
    saved = tmp_path / "look.safetensors"
    spec = StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))
    extract_style(create_student(spec, seed=1), load_image(folder / "style.png")).save(saved)
    assert stylize_into(folder, folder / "photos", tmp_path / "out", "--style", saved) == 2
    one_line(capsys, saved, "student")
    assert file_names(tmp_path) == ["look.safetensors"]


def test_metadata_and_profile_are_kept_or_stripped(folder, tmp_path):
    source = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "EOS R5"
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (30, 20), "teal").save(source, exif=exif)
    for name, options in (("kept", ()), ("stripped", ("--strip",))):
        assert stylize_into(folder, source, tmp_path / f"{name}.jpg", *options) == 0
        with Image.open(tmp_path / f"{name}.jpg") as image:
            assert image.size == (20, 30)
            stored, profile = dict(image.getexif()), image.info.get("icc_profile")
        if options:
            assert (stored, profile) == ({}, None)
        else:
            assert stored[ExifTags.Base.Model] == "EOS R5"
            assert stored[ExifTags.Base.Orientation] == 1
            assert profile


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_no_temporary_file(folder, tmp_path, number):
    """The signal arrives while the result is being written."""
    code = (
        "import os, signal, sys, PIL.Image\n"
        "from pcakd.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in the background
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
