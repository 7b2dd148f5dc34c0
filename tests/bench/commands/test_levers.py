import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.cli import main
from bench.commands import levers as command
from bench.levers.records import LeverRecord, load_records, save_record
from bench.levers.table import write_page

PLAN = """
[base]
about = "a base"
options = "--backbone tiny --steps 4,30,2 --rate 0.003 --crop 32 --batch 2 \
--basis-images 4 --held-out 2 --set min_r2_share=-99 --set max_dead_share=1 --set max_attempts=1"

[twins]
base = "base"
about = "all couples are twins"
options = "--set twins=1"

[hopeless]
base = "base"
about = "nothing is good enough"
options = "--set min_r2_share=2"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with photographs, two pairs and a plan, where scores need no weights."""
    rng = np.random.default_rng(0)
    for place in ("photos", "pairs"):
        (tmp_path / place).mkdir()
    for index in range(8):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        photo = tmp_path / "photos" / f"{index}.png"
        coarse.resize((70, 60), Image.Resampling.BICUBIC).save(photo)
        name = f"{index // 2:02d}_{'style' if index % 2 else 'content'}.png"
        shutil.copy(photo, tmp_path / "pairs" / name)
    (tmp_path / "levers.toml").write_text(PLAN, encoding="utf-8")

    def score(student, pairs, device):
        value = float(student.stem == "twins")
        scores = {pair.name: value for pair in pairs}
        return dict.fromkeys(("gram", "ssim", "lpips"), scores), {"gram": "a stand-in"}

    monkeypatch.setattr(command, "_score", score)
    return tmp_path


def run(folder: Path, *names: str) -> int:
    options = ["--plan", "levers.toml", "--data", "photos", "--pairs", "pairs", "--out", "out"]
    places = [str(folder / each) if each[0] != "-" else each for each in options]
    return main(["levers", *places, "--work", str(folder / "work"), *names])


def test_levers_are_trained_once_scored_and_shown(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(folder, "twins", "hopeless") == 0
    records = load_records(folder / "out")
    assert {*records} == {"base", "twins", "hopeless"}
    assert records["twins"].card["recipe"]["twins"] == 1.0
    assert records["base"].card["recipe"]["twins"] != 1.0
    assert records["hopeless"].card == {}
    assert "encoder collapsed: tap 1 has an R²" in (records["hopeless"].failure or "")
    page = (folder / "out" / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| twins")]
    assert "`--set twins=1`" in row
    assert "1.000 (**+1.000 [+1.000, +1.000]**)" in row
    assert "`hopeless` failed: pcakd: error: encoder collapsed" in page

    monkeypatch.setattr(command, "_run", pytest.fail)  # what has a record is not trained again
    capsys.readouterr()
    assert run(folder) == 0
    assert (folder / "out" / "README.md").read_text(encoding="utf-8") == page
    assert main(["levers", "--out", str(folder / "out")]) == 0


def test_a_killed_training_is_no_record(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = command._run
    killed = ["python", "-c", f"import os; os.kill(os.getpid(), {int(signal.SIGTERM)})"]
    monkeypatch.setattr(command, "_run", lambda _: whole(killed))
    assert run(folder, "base") == 2
    assert not [*(folder / "out").iterdir()]


def test_what_is_missing_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(folder / "out")
    assert main(["levers", "--out", out]) == 2
    assert "holds no record; give --data and --pairs" in capsys.readouterr().err
    assert main(["levers", "--out", out, "--data", str(folder / "photos")]) == 2
    assert "give --pairs DIR" in capsys.readouterr().err
    (folder / "out").mkdir()
    (folder / "out" / "a.json").write_text(json.dumps({"format": 1}), encoding="utf-8")
    assert main(["levers", "--out", out]) == 2
    assert "a.json is no record of a lever" in capsys.readouterr().err


def test_records_come_back_and_make_one_page(tmp_path: Path) -> None:
    tap = {"r2": 0.4, "ceiling": 0.8, "channels": 10, "dead_channels": 0}
    legs = [{"taps": [tap] * 4}, {"held_out_losses": {"image4": 0.0123}, "taps": [tap] * 4}]
    environment = {"device_name": "a CPU", "threads": 1, "torch": "2.9.0"}
    common = {"options": ["--steps", "2"], "commit": "0123abc", "environment": environment}
    scores = {"gram": {f"{pair:02d}": pair / 10 for pair in range(8)}}
    card = {"legs": legs, "core_minutes": 3.25}
    base = LeverRecord(name="b", base=None, about="|", **common, card=card, scores=scores)
    same = LeverRecord(name="a", base="b", about="none", **common, card=card, scores=scores)
    for record in (base, same):
        save_record(tmp_path, record)
    records = load_records(tmp_path)
    assert records == {"a": same, "b": base}
    page = write_page(records)
    assert "0.40, 0.40, 0.40, 0.40 (50%, 50%, 50%, 50%)" in page
    assert "0.012" in page
    assert "0.350 (+0.000 [+0.000, +0.000])" in page
    assert "* a CPU, 1 threads, torch 2.9.0, commit `0123abc`: a, b." in page
