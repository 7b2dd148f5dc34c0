"""Photographs of a training are found among image pairs, as files and as pictures."""

import json

import pytest
from pictures import make_picture, reencode
from PIL import Image, ImageOps

from bench.plan.image_pairs import ImagePair
from bench.quality.unseen import (
    describe_seen,
    digest_file,
    find_nearest,
    read_card,
    read_folder,
    report_seen,
    require_unseen,
)
from pcakd.errors import ConfigError
from pcakd.images import load_image
from pcakd.images.perceptual import METHOD, hash_picture


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(4):
        make_picture(seed).save(folder / f"{seed}.png")
    return folder


@pytest.fixture
def pairs(tmp_path):
    folder = tmp_path / "pairs"
    folder.mkdir()
    paths = [folder / f"01_{role}.png" for role in ("content", "style")]
    for seed, path in enumerate(paths, start=100):
        make_picture(seed).save(path)
    return [ImagePair(name="01", content=paths[0], style=paths[1])]


def _card(tmp_path, photos, *, pictures):
    manifest = {path.name: digest_file(path) for path in photos.iterdir()}
    hashes = {path.name: hash_picture(load_image(path)) for path in photos.iterdir()}
    card = {"manifest": manifest}
    if pictures:
        card["pictures"] = {"method": METHOD, "hashes": hashes}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(card))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "01_style.png is 2.png of the training photographs in"),
        (reencode, r"01_style.png looks like 2.png of .* \(\d+ of 256 bits"),
        (lambda picture: picture.resize((70, 50)), "looks like 2.png"),
        (lambda picture: reencode(picture.resize((200, 150)), 60), "looks like 2.png"),
        (ImageOps.mirror, "looks like 2.png"),
    ],
)
def test_a_training_photograph_and_its_copies_are_refused(photos, pairs, change, message):
    known = read_folder(photos)
    require_unseen(pairs, known)
    if change is None:
        pairs[0].style.write_bytes((photos / "2.png").read_bytes())
    else:
        change(Image.open(photos / "2.png")).save(pairs[0].style)
    with pytest.raises(ConfigError, match=message) as error:
        require_unseen(pairs, known)
    assert "\n" not in str(error.value)


def test_flat_pictures_are_compared_by_their_files(photos, pairs):
    Image.new("RGB", (40, 40), "red").save(photos / "flat.png")
    Image.new("RGB", (40, 40), "blue").save(pairs[0].style)
    require_unseen(pairs, read_folder(photos))


def test_cards_with_and_without_perceptual_hashes(tmp_path, photos, pairs):
    reencode(Image.open(photos / "2.png")).save(pairs[0].content)
    new = read_card(_card(tmp_path, photos, pictures=True), "mine")
    (line,) = describe_seen(pairs, new)
    assert line.startswith("warning: ")
    assert "01_content.png looks like 2.png of the training photographs of mine" in line
    old = read_card(_card(tmp_path, photos, pictures=False), "mine")
    (line,) = describe_seen(pairs, old)
    assert line.startswith("note: ")
    assert "by their files alone" in line
    pairs[0].content.write_bytes((photos / "2.png").read_bytes())
    assert "is 2.png of" in describe_seen(pairs, old)[0]


def test_cards_of_subjects_are_found(tmp_path, photos, pairs):
    reencode(Image.open(photos / "1.png")).save(pairs[0].content)
    _card(tmp_path, photos, pictures=True)
    subject = str(tmp_path / "mine.safetensors")
    lines = report_seen([f"{subject}+bf16", f"{subject}@ot", "mkl", "vgg19-full"], pairs)
    assert len(lines) == 1
    assert "1.png of the training photographs of mine" in lines[0]


@pytest.mark.parametrize("student", ["vgg16", "mobilenet_v1"])
def test_shipped_cards_have_perceptual_hashes_of_all_photographs(student, pairs):
    from bench.subjects import find_card

    photos = read_card(find_card(student), student)
    assert len(photos.files) == len(photos.pictures) == 1078
    assert describe_seen(pairs, photos) == []


@pytest.mark.parametrize(
    "content",
    ["[]", "no JSON", '{"manifest": 3}', '{"pictures": {"method": "%s", "hashes": {"a": 1}}}'],
)
def test_what_is_no_card_is_one_line(tmp_path, content):
    path = tmp_path / "mine.json"
    path.write_text(content.replace("%s", METHOD))
    with pytest.raises(ConfigError, match=r"mine\.json is not a card|no perceptual hash"):
        read_card(path, "mine")
    path.write_text("{}")
    assert read_card(path, "mine") is None


def test_pictures_are_compared_with_all_later_ones():
    plain = ["00" * 32, "01" * 32, "ff" * 32]
    mirrored = ["ff" * 32, "01" * 32, "ff" * 32]
    assert [(i, d.tolist()) for i, d in find_nearest(plain, mirrored)] == [
        (0, [32, 0]),
        (1, [224]),
    ]


def test_the_photographs_of_the_project_differ(data_folder):
    folder = data_folder / "photos" / "val"
    hashes = [hash_picture(load_image(path)) for path in sorted(folder.iterdir())[:30]]
    assert min(int(d.min()) for _, d in find_nearest(hashes, hashes)) > 64
