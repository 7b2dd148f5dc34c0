from pathlib import Path

import pytest
import torch

from bench.quality.lpips import MIN_SIDE, LpipsDistance
from pcakd.errors import ShapeError
from pcakd.images import load_image

pytestmark = pytest.mark.numerics


@pytest.fixture(scope="module")
def distance(weights_folder: Path) -> LpipsDistance:
    del weights_folder
    state = torch.random.get_rng_state()
    loaded = LpipsDistance(progress=False)
    assert torch.equal(torch.random.get_rng_state(), state)
    return loaded


@pytest.mark.weights
@pytest.mark.parametrize(("name", "published"), [("ex_p0.png", 0.722), ("ex_p1.png", 0.138)])
def test_the_published_values(
    distance: LpipsDistance, data_folder: Path, name: str, published: float
) -> None:
    folder = data_folder / "lpips_examples"
    one, reference = (load_image(folder / each)[None] for each in (name, "ex_ref.png"))
    assert distance(one, reference) == pytest.approx(published, abs=5e-4 + 1e-5)  # three digits


@pytest.mark.weights
def test_an_image_is_at_no_distance_from_itself(distance: LpipsDistance) -> None:
    image = torch.rand(1, 3, MIN_SIDE, 40)
    assert distance(image, image) == 0.0


@pytest.mark.weights
def test_the_smallest_side_is_the_one_that_is_documented(distance: LpipsDistance) -> None:
    image = torch.rand(1, 3, MIN_SIDE, MIN_SIDE)
    assert distance(image, 1 - image) > 0.0
    with pytest.raises(ShapeError, match="at least 31x31 px, this one is 31x30"):
        distance(image[..., :-1, :], image[..., :-1, :])
    with pytest.raises(RuntimeError):  # what the network itself says of it
        distance._network(image[..., :-1, :], image[..., :-1, :])


@pytest.mark.weights
def test_two_sizes_are_refused(distance: LpipsDistance) -> None:
    with pytest.raises(ShapeError, match="the size of its content"):
        distance(torch.rand(1, 3, 40, 40), torch.rand(1, 3, 40, 41))
