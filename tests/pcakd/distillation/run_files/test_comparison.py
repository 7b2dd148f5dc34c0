"""Two trainings are compared: the same weights or not, and why not."""

import pytest
import torch

from pcakd.cli import main
from pcakd.distillation.run_files.comparison import describe_reproduction, has_same_weights
from pcakd.students import StudentSpec, create_student, load_student

pytestmark = pytest.mark.usefixtures("lenient_images")


def test_whether_weights_are_the_same_is_the_exit_status(unbroken, photos, tmp_path, capsys):
    same, shape = str(unbroken / "tiny.safetensors"), ["--ranks", "4,6,8,10", "--seed", "3"]
    options = ["--steps", "2", "--crop", "32", "--batch", "2", "--perceptual", "tiny"]
    health_off = ["--set", "min_r2_share=-99", "--set", "max_dead_share=1"]
    output = ["--data", str(photos), "-o", str(tmp_path / "out")]
    command = ["distill", "--backbone", "tiny", *output, *options, *health_off, *shape]
    assert main([*command, "--compare-with", same]) == 1
    assert "other weights than" in capsys.readouterr().out
    own = str(tmp_path / "out" / "tiny.safetensors")
    assert main([*command, "--resume", "--compare-with", own]) == 0
    assert "bit for bit" in capsys.readouterr().out


def test_two_trainings_are_compared_and_reasons_are_named(unbroken):
    student, other = (load_student(unbroken / "tiny.safetensors") for _ in range(2))
    assert has_same_weights(student, other)
    same = describe_reproduction(student, other, name="tiny")
    assert same == "the same weights as tiny, bit for bit"
    other.card = other.card | {"threads": 7, "recipe": other.card["recipe"] | {"seed": 5}}
    with torch.no_grad():
        other.encoder.layers(1)[0].conv.bias[0] += 0.5
    assert not has_same_weights(student, other)
    text = describe_reproduction(student, other, name="tiny")
    assert "1 of " in text
    assert "at most 0.5" in text
    assert f"threads is {torch.get_num_threads()}, was 7" in text
    assert "recipe.seed is 0, was 5" in text
    assert "held_out" not in text
    old = {key: value for key, value in other.card.items() if key not in ("finished", "cpu")}
    other.card = old | {"photos": {"training": 9, "manifest_sha256": "0"}, "sessions": [{}, {}]}
    text = describe_reproduction(student, other, name="tiny")
    assert "photos.manifest_sha256 is " in text  # what older cards lack is no reason
    assert not {"held_out", "cpu", "None"} & {*text.replace(".", " ").split()}
    assert "the other one resumed with another machine" in text
    other.card = student.card | {"recipe": student.card["recipe"] | {"identity_share": 0.625}}
    text = describe_reproduction(student, other, name="tiny")
    assert "recipe.identity_share is 0.125, was 0.625" in text
    thin = create_student(StudentSpec(architecture="tiny", ranks=(4, 6, 8, 9)))
    text = describe_reproduction(student, thin, name="thin")
    assert text == (
        "another network than thin: tiny of ranks 4, 6, 8, 10, not tiny of ranks 4, 6, 8, 9"
    )
    other.card = student.card | {"commit": "0123"}
    assert "(commit is " in describe_reproduction(student, other, name="tiny")
    other.card = student.card
    assert "(the cards name no reason)" in describe_reproduction(student, other, name="tiny")
