import pytest
from command_line import one_line

from pcakd.cli import main


def _run(photos, output, *options):
    given = ["--backbone", "tiny", "--data", str(photos), "-o", str(output), "--device", "cpu"]
    return main(["analyze", *given, "--crop", "64", *options])


def test_an_analysis_becomes_a_plan_and_a_student(photos, tmp_path, capsys):
    """The whole chain: analyze, plan, distil with the bases of the analysis."""
    folder = tmp_path / "analysis"
    assert _run(photos, folder, "--no-latency") == 0
    out = capsys.readouterr().out
    assert "4,6,8,10" in out
    assert str(folder / "README.md") in out
    assert main(["plan", str(folder), "--budget", "params=1500"]) == 0
    command = capsys.readouterr().out.splitlines()[-1].split()
    ranks = command[command.index("--ranks") + 1]
    steps = ["--steps", "2", "--crop", "32", "--batch", "2", "--zoom", "24,60", "--held-out", "2"]
    loose = ["--set", "min_r2_share=-100", "--set", "max_dead_share=1"]
    trained = ["distill", "--backbone", "tiny", "--data", str(photos), "-o", str(tmp_path / "run")]
    bases = ["--bases", str(folder / "spectra.safetensors"), "--ranks", ranks]
    assert main([*trained, *bases, *steps, *loose, "--device", "cpu"]) == 0
    from pcakd.eigenbases import load_spectra
    from pcakd.students import load_student

    student = load_student(tmp_path / "run/tiny.safetensors")
    assert ",".join(map(str, student.spec.ranks)) == ranks
    for basis, spectrum in zip(
        student.eigenbases, load_spectra(folder / "spectra.safetensors").spectra, strict=True
    ):
        assert basis.equal(spectrum.components[:, : basis.shape[1]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--images", "0"), "must be 1 or more"),
        (("--crop", "-1"), "must be 1 or more"),
        (("--resolutions", "HD,HD"), "names a size twice"),
        (("--resolutions", "UHD"), "resolution 'UHD'"),
        (("--weights", "caffe"), "has random weights"),
    ],
)
def test_bad_options_are_one_line_and_write_nothing(photos, tmp_path, capsys, options, message):
    assert _run(photos, tmp_path / "out", *options) == 2
    one_line(capsys, message)
    assert not (tmp_path / "out").exists()


def test_bases_of_another_teacher_are_refused(photos, tmp_path, capsys):
    assert _run(photos, tmp_path / "analysis", "--no-latency", "--seed", "1") == 0
    capsys.readouterr()
    bases = ["--bases", str(tmp_path / "analysis/spectra.safetensors")]
    given = ["--backbone", "tiny", "--data", str(photos), "-o", str(tmp_path / "run"), *bases]
    assert main(["distill", *given, "--device", "cpu"]) == 2
    assert "spectra of another teacher" in capsys.readouterr().err
    (tmp_path / "other.safetensors").write_bytes(b"no spectra")
    given[-1] = str(tmp_path / "other.safetensors")
    assert main(["distill", *given, "--device", "cpu"]) == 2
    assert "cannot be read as safetensors" in capsys.readouterr().err
