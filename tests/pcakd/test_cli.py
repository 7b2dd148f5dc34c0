"""The command line as a user meets it: right pictures, or one line and exit status 2."""

import os
import pickle
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from pcakd.cli import main
from pcakd.images import load_image
from pcakd.students import StudentSpec, create_student, save_student


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a student, a style and photographs of odd kinds."""
    path = tmp_path_factory.mktemp("cli")
    save_student(
        path / "tiny.safetensors",
        create_student(StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))),
    )
    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8))
    rgb.save(path / "style.png")
    photos = path / "photos"
    photos.mkdir()
    rgb.resize((31, 17)).save(photos / "odd.png")
    rgb.convert("L").save(photos / "grey.png")
    rgb.convert("CMYK").save(photos / "cmyk.jpg")
    rgb.convert("RGBA").save(photos / "alpha.png")
    Image.fromarray(rng.integers(0, 65536, (40, 50), dtype=np.uint16)).save(photos / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(photos / "turned.jpg", exif=exif)
    return path


def _stylize(folder, content, output, *options):
    student = folder / "tiny.safetensors"
    arguments = ["stylize", content, folder / "style.png", "-o", output, "--student", student]
    return main([str(a) for a in (*arguments, "--device", "cpu", *options)])


def _one_line(capsys, *parts):
    text = capsys.readouterr().err.strip().splitlines()
    assert len(text) == 1, text
    for part in parts:
        assert str(part) in text[0]


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
    _one_line(capsys, "pcakd: error:", message)
    assert not (tmp_path / "out.png").exists()


def test_an_empty_folder_is_one_line(folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert _stylize(folder, tmp_path / "empty", tmp_path / "out") == 2
    _one_line(capsys, "empty")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output", ["no/out.png", "out.xyz", "."])
def test_a_bad_output_is_one_line(folder, tmp_path, capsys, output):
    assert _stylize(folder, folder / "photos" / "grey.png", tmp_path / output) == 2
    _one_line(capsys, "pcakd: error:")
    assert not list(tmp_path.iterdir())


def test_bad_students_are_one_line(folder, tmp_path, capsys):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(pickle.dumps([1]))
    assert _stylize(folder, folder / "style.png", tmp_path / "o.png", "--student", str(bad)) == 2
    _one_line(capsys, bad, "safetensors")
    assert _stylize(folder, folder / "style.png", tmp_path / "o.png", "--student", "vgg") == 2
    _one_line(capsys, "student 'vgg' is not known")


@pytest.mark.parametrize(
    "arguments",
    [
        ["stylize", "a", "b", "-o", "c", "--strength", "2"],
        ["stylize", "a", "b", "-o", "c", "--device", "tpu"],
        ["eigenbases", "--backbone", "tiny", "--data", "nowhere", "-o", "x.safetensors"],
        ["distill", "--backbone", "vgg18", "--data", ".", "-o", "x"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--ranks", "1,2"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--name", "../mine"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--name", "checkpoint"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--name", "mine."],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "tap_offset"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "ridge=-1"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "min_r2_share=nan"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "twin=0.5"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "seed=1"],
        ["distill", "--backbone", "tiny", "--data", ".", "-o", "x", "--set", "twins=1.5"],
        ["import-authors", "nowhere.npz", "-o", "x.safetensors"],
    ],
)
def test_bad_arguments_are_one_line(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    _one_line(capsys, "pcakd: error:")
    assert not list(tmp_path.iterdir())


def test_bad_usage_is_one_line(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["stylize", "a"])
    _one_line(capsys, "pcakd stylize: error:", "--help")


@pytest.mark.parametrize("command", ["list", "eigenbases", "distill", "stylize", "import-authors"])
def test_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"pcakd {command}" in capsys.readouterr().out.split("examples:")[1]


def test_list_names_everything(capsys):
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    for name in ("vgg16", "vgg19", "mobilenet_v1", "unverified", "pinned", "zca, ot, adain"):
        assert name in text


def test_eigenbases_writes_a_file(folder, tmp_path, capsys):
    output = tmp_path / "bases.safetensors"
    arguments = ["--backbone", "tiny", "--data", str(folder / "photos"), "--mcev", "0.85"]
    assert main(["eigenbases", *arguments, "-o", str(output), "--device", "cpu"]) == 0
    assert output.exists()
    assert "mcev" in capsys.readouterr().out


def test_an_interrupt_is_told(monkeypatch, capsys):
    monkeypatch.setattr(
        "pcakd.commands.list._students", lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    assert main(["list"]) == 130
    _one_line(capsys, "interrupted")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes among the files of this system")
def test_a_pipe_is_not_replaced_by_a_picture(folder, tmp_path, capsys):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    assert _stylize(folder, folder / "style.png", pipe) == 2
    _one_line(capsys, pipe, "device or a pipe")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")]
)
def test_want_of_memory_is_one_line(folder, tmp_path, capsys, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("pcakd.commands.stylize.stylize", fail)
    assert _stylize(folder, folder / "style.png", tmp_path / "out.png") == 2
    _one_line(capsys, "style.png", "too large for the memory")
    monkeypatch.setattr("pcakd.commands.stylize.load_student", fail)
    assert _stylize(folder, folder / "style.png", tmp_path / "out.png") == 2
    _one_line(capsys, "out of memory")
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


def test_help_is_readable_on_a_console_without_greek():
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    command = [sys.executable, "-m", "pcakd", "distill", "--help"]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert b"--regularizer" in done.stdout


def test_a_photograph_is_not_overwritten_by_its_stylization(folder, tmp_path, capsys):
    photo = tmp_path / "photo.png"
    shutil.copy(folder / "photos" / "grey.png", photo)
    before = photo.read_bytes()
    assert _stylize(folder, photo, photo) == 2
    _one_line(capsys, photo, "is the photograph itself")
    assert photo.read_bytes() == before


def test_students_are_imported_into_safetensors_only(tmp_path, capsys):
    output = tmp_path / "student.npz"
    assert main(["import-authors", str(tmp_path / "a.npz"), "-o", str(output)]) == 2
    _one_line(capsys, output, "must end in .safetensors")


def test_help_needs_no_torch():
    code = (
        "import sys; from pcakd.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    )
    code += "sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"import-authors" in done.stdout
