import json

import pytest
import torch
from pictures import make_picture
from safetensors.torch import save_file

from bench.cli import main
from bench.quality.unseen import digest_file
from pcakd.images import load_image
from pcakd.images.perceptual import METHOD, hash_picture
from pcakd.students import StudentSpec, create_student, load_student, save_student


@pytest.fixture
def student(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_student(path, create_student(StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))))
    path.with_suffix(".json").write_text(json.dumps({"manifest": {"a.jpg": "00"}}))
    return path


def _scores(tmp_path, subject):
    rows = [
        {"subject": subject, "pair": f"{i:02}", "gram": i / 10, "ssim": 0.7, "lpips": 0.3}
        for i in (1, 2, 3)
    ]
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(rows))
    return path


def test_metric_values_are_added_to_header_and_card(student, tmp_path):
    before = load_student(student).state_dict()
    assert main(["card", str(student), "--scores", str(_scores(tmp_path, "mine"))]) == 0
    after = load_student(student)
    card = json.loads(student.with_suffix(".json").read_text())
    assert card["manifest"] == {"a.jpg": "00"}
    assert card["scores"] == after.card["scores"]
    assert card["scores"]["count"] == 3
    assert card["scores"]["gram"]["mean"] == pytest.approx(0.2)
    assert all(before[name].equal(after.state_dict()[name]) for name in before)


def test_metric_values_of_another_subject_are_an_error(student, tmp_path, capsys):
    assert main(["card", str(student), "--scores", str(_scores(tmp_path, "other"))]) == 2
    assert "no metric values of 'mine', only of other" in capsys.readouterr().err


def test_a_file_without_rows_is_refused(student, tmp_path, capsys):
    path = tmp_path / "scores.json"
    path.write_text('{"subject": 1}')
    assert main(["card", str(student), "--scores", str(path)]) == 2
    assert "holds no rows" in capsys.readouterr().err


def _photos(tmp_path, count):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(count):
        make_picture(seed).save(folder / f"{seed}.png")
    return folder


def test_perceptual_hashes_are_added_to_an_old_card(student, tmp_path, capsys):
    folder = _photos(tmp_path, 3)
    manifest = {f"old{seed}.png": digest_file(folder / f"{seed}.png") for seed in (0, 2)}
    card = student.with_suffix(".json")
    card.write_text(json.dumps({"manifest": manifest, "ranks": [1, 2]}))
    assert main(["card", str(student), "--photos", str(folder)]) == 0
    assert "perceptual hashes of 2 photographs" in capsys.readouterr().out
    after = json.loads(card.read_text())
    assert (after["manifest"], after["ranks"]) == (manifest, [1, 2])
    expected = hash_picture(load_image(folder / "2.png"))
    assert after["pictures"]["method"] == METHOD
    assert after["pictures"]["hashes"]["old2.png"] == expected


def test_other_photographs_than_the_cards_are_refused(student, tmp_path, capsys):
    folder = _photos(tmp_path, 2)
    before = student.with_suffix(".json").read_text()
    assert main(["card", str(student), "--photos", str(folder)]) == 2
    assert "lacks 1 of the 1 photographs" in capsys.readouterr().err
    assert student.with_suffix(".json").read_text() == before
    student.with_suffix(".json").write_text("{}")
    assert main(["card", str(student), "--photos", str(folder)]) == 2
    assert "lists no photographs" in capsys.readouterr().err
    assert main(["card", str(student)]) == 2
    assert "give --scores JSON, --photos DIR or both" in capsys.readouterr().err


def test_a_peers_card_has_metric_values_of_both_files(tmp_path):
    card = tmp_path / "wct2-sum-vgg16.json"
    card.write_text(json.dumps({"depth": "vgg16"}))
    scores = str(_scores(tmp_path, "wct2-sum-vgg16"))
    headers = {
        "wct2-sum-vgg16.safetensors": {},
        "wct2-sum-vgg16.packed.safetensors": {"encoder": {}},
    }
    for name, more in headers.items():
        header = {"pcakd": json.dumps({"format": "pcakd-peer"} | more)}
        save_file({"weight": torch.zeros(1)}, tmp_path / name, metadata=header)
        before = (tmp_path / name).read_bytes()
        assert main(["card", str(tmp_path / name), "--scores", scores, "--pairs-name", "few"]) == 0
        assert (tmp_path / name).read_bytes() == before
    after = json.loads(card.read_text())
    assert after["depth"] == "vgg16"
    assert after["scores"].keys() == {"float16", "float32"}
    assert after["scores"]["float16"]["pairs"] == "few"


@pytest.mark.parametrize("text", ["[]", '{"scores": null}', '{"scores": [1]}', "{", None])
def test_a_peer_without_a_usable_card_is_one_line(tmp_path, capsys, text):
    path = tmp_path / "wct2-sum-vgg16.safetensors"
    header = {"pcakd": json.dumps({"format": "pcakd-peer"})}
    save_file({"weight": torch.zeros(1)}, path, metadata=header)
    if text is not None:
        path.with_suffix(".json").write_text(text)
    assert main(["card", str(path), "--scores", str(_scores(tmp_path, "wct2-sum-vgg16"))]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "wct2-sum-vgg16.json" in line
