import numpy as np
import pytest
import torch
from PIL import Image

from pcakd.backbones import load_backbone
from pcakd.eigenbases import fit_eigenbases
from pcakd.errors import ConfigError, ImageError, NumericalError, ShapeError
from pcakd.images import load_image


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("tiny")


def _image(seed=0, *, size=(40, 48)):
    return torch.rand(3, *size, generator=torch.Generator().manual_seed(seed))


def _assert_same(bases, others):
    """Compare eigenvalues: features are float32 sums of up to 180 products, so to 1e-5."""
    for one, other in zip(bases, others, strict=True):
        scale = float(other.eigenvalues.max())
        torch.testing.assert_close(one.eigenvalues, other.eigenvalues, rtol=0, atol=1e-5 * scale)


def test_the_four_bases_are_orthonormal_and_explain_what_they_say(backbone):
    images = [_image(0), _image(1, size=(64, 32))[None]]
    bases = fit_eigenbases(backbone, images, ranks=(4, 6, 8, 10))
    assert [tuple(each.basis.shape) for each in bases] == [(8, 4), (12, 6), (16, 8), (20, 10)]
    features = [backbone(image.reshape(1, 3, *image.shape[-2:])) for image in images]
    for tap, fitted in enumerate(bases):
        torch.testing.assert_close(fitted.basis.mT @ fitted.basis, torch.eye(fitted.rank))
        centred = [each[tap][0].double().flatten(1) for each in features]
        centred = [each - each.mean(1, keepdim=True) for each in centred]
        covariance = sum(each @ each.mT / each.shape[1] for each in centred) / len(centred)
        basis = fitted.basis.double()
        kept = (basis.mT @ covariance @ basis).trace() / covariance.trace()
        assert fitted.explained == pytest.approx(float(kept), abs=1e-6)


def test_a_batch_is_the_images_in_it(backbone):
    images = [_image(seed) for seed in range(3)]
    one_by_one = fit_eigenbases(backbone, images)
    for given in (torch.stack(images), [torch.stack(images)], (image for image in images)):
        _assert_same(fit_eigenbases(backbone, given), one_by_one)


def test_images_of_other_types_are_converted(backbone):
    array = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    expected = fit_eigenbases(backbone, [tensor / 255])
    for image in (array, Image.fromarray(array), tensor, (tensor / 255).double()):
        _assert_same(fit_eigenbases(backbone, [image]), expected)


def test_the_last_tap_needs_two_pixels_a_side():
    pytest.importorskip("timm")
    with pytest.raises(ShapeError, match="31x40 px; this backbone needs at least 32x32"):
        fit_eigenbases(load_backbone("timm/resnet18", weights="seeded"), [_image(size=(40, 31))])


def test_a_target_chooses_the_ranks(backbone):
    images = [_image(seed) for seed in range(2)]
    assert all(each.mcev >= 0.9 for each in fit_eigenbases(backbone, images, mcev=0.9))
    assert all(each.explained >= 0.9 for each in fit_eigenbases(backbone, images, explained=0.9))


def test_the_default_ranks_are_those_of_the_backbone(backbone):
    assert [each.rank for each in fit_eigenbases(backbone, [_image()])] == [4, 6, 8, 10]


def _photographs(folder):
    rng = np.random.default_rng(0)
    for number, size in enumerate(((90, 70), (40, 50))):
        noise = rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return folder


def test_a_folder_its_files_and_their_crops_give_the_same(backbone, tmp_path):
    folder = _photographs(tmp_path)
    files = sorted(folder.iterdir())
    whole = [load_image(path) for path in files]
    first = whole[0][:, 15:55, 25:65]
    expected = fit_eigenbases(backbone, [first, whole[1][:, 5:45]])
    for given in (folder, str(folder), files):
        _assert_same(fit_eigenbases(backbone, given, crop=40), expected)
    _assert_same(fit_eigenbases(backbone, folder, crop=None), fit_eigenbases(backbone, whole))


def test_photographs_smaller_than_the_crop_are_enlarged(backbone, tmp_path):
    assert len(fit_eigenbases(backbone, _photographs(tmp_path), crop=64)) == 4


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        ([], ShapeError, "no image was given"),
        ([torch.full((3, 32, 32), torch.nan)], ShapeError, "image 1 holds NaN"),
        ([_image(), _image() * 255], ShapeError, r"image 2 lies in .*; expected values in"),
        ([_image().long()], ShapeError, "image 1 is int64; expected float32"),
        ([_image(size=(20, 15))], ShapeError, "image 1 .*16"),
        ([torch.rand(32, 32, 3)], ShapeError, r"image 1 has shape \(32, 32, 3\); expected"),
        ([torch.rand(0, 3, 32, 32)], ShapeError, r"image 1 has shape \(0, 3, 32, 32\)"),
        ([None], ShapeError, "image 1 is a NoneType; expected a tensor, an array or a PIL image"),
        (7, ShapeError, "images must be a folder, or an iterable of images and files, got int"),
        ([torch.zeros(3, 32, 32), torch.ones(3, 32, 32)], NumericalError, "one colour each"),
        ("nowhere", ImageError, "nowhere does not exist"),
        (["nowhere.png"], ImageError, r"nowhere\.png does not exist"),
    ],
)  # fmt: skip
def test_bad_images_are_an_error_of_one_line(backbone, images, error, message):
    with pytest.raises(error, match=message) as caught:
        fit_eigenbases(backbone, images)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"ranks": (1, 2, 3, 4), "mcev": 0.5}, "exactly one"),
        ({"ranks": (1, 2, 3)}, r"ranks \(1, 2, 3\) do not fit tiny; give one for each tap"),
        ({"ranks": (9, 1, 1, 1)}, r"at most \(8, 12, 16, 20\)"),
        ({"ranks": 8}, "ranks must be one integer for each tap, got 8"),
        ({"ranks": (0, 1, 1, 1)}, r"ranks must be positive integers, got \(0, 1, 1, 1\)"),
        ({"ranks": (1.5, 1, 1, 1)}, "ranks must be positive integers"),
        ({"mcev": 85}, r"the mcev target must lie in \(0, 1\], got 85"),
        ({"explained": "0.9"}, r"the explained target must lie in \(0, 1\], got 0.9"),
        ({"crop": 0}, "crop must be a number of pixels or None, got 0"),
    ],
)
def test_bad_options_are_an_error_before_an_image_is_read(backbone, rule, message):
    with pytest.raises(ConfigError, match=message):
        fit_eigenbases(backbone, [_image(), None] if "crop" not in rule else [_image()], **rule)


def test_black_photographs_are_an_error_for_a_backbone_that_pads_with_zeros(tmp_path):
    """Zero padding gives the features of a black image a border, which is no variance of it."""
    pytest.importorskip("timm")
    backbone = load_backbone("timm/resnet18", weights="seeded")
    for number in range(2):
        Image.new("RGB", (64, 64)).save(tmp_path / f"{number}.png")
    with pytest.raises(NumericalError, match="one colour each"):
        fit_eigenbases(backbone, tmp_path)


def test_a_photograph_that_is_too_narrow_is_named(backbone, tmp_path):
    Image.new("RGB", (500, 10)).save(tmp_path / "strip.png")
    with pytest.raises(ImageError, match=r"strip\.png is 500 × 10, too narrow"):
        fit_eigenbases(backbone, tmp_path)
