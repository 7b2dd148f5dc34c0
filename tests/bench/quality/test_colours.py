import plain_colours
import pytest
import torch
from photographs import load_photograph

from bench.quality import colours
from bench.quality.colours import (
    count_colours,
    fibonacci_directions,
    histogram_correlation,
    sliced_wasserstein,
)

pytestmark = pytest.mark.numerics


def random_image(seed, height=12, width=15):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("pair", ["02", "05"])
def test_photographs_have_the_distances_of_the_definitions(pair):
    content = load_photograph(f"{pair}_content", 60, 80)
    style = load_photograph(f"{pair}_style", 70, 50)
    ours, theirs = count_colours(content), count_colours(style)
    one, other = content[0].numpy(), style[0].numpy()
    directions = fibonacci_directions(64).double().numpy()
    expected = plain_colours.sliced_wasserstein(one, other, directions)
    assert sliced_wasserstein(ours, theirs) == pytest.approx(expected, abs=0.02)  # a bin is 0.08
    expected = plain_colours.histogram_correlation(one, other)
    assert histogram_correlation(ours, theirs) == pytest.approx(expected, abs=1e-6)


def test_a_shift_of_lightness_is_its_mean_over_directions():
    grey, lighter = (torch.full((1, 3, 4, 4), value) for value in (0.4, 0.6))
    step = plain_colours.to_lab(lighter[0].numpy()) - plain_colours.to_lab(grey[0].numpy())
    along = fibonacci_directions(64)[:, 0].abs().mean()
    distance = sliced_wasserstein(count_colours(grey), count_colours(lighter))
    assert distance == pytest.approx(float(step[0, 0] * along), abs=0.08)


def test_equal_colours_at_other_places_and_sizes_have_no_distance():
    image = random_image(0)
    ours, theirs = count_colours(image), count_colours(image.flip(-1).repeat(1, 1, 2, 1))
    assert sliced_wasserstein(ours, theirs) == pytest.approx(0, abs=1e-9)
    assert histogram_correlation(ours, theirs) == pytest.approx(1)


def test_counts_do_not_depend_on_strips(monkeypatch):
    image = random_image(1, 9, 11)
    whole = count_colours(image)
    monkeypatch.setattr(colours, "_STRIP_PIXELS", 2 * 11)
    parts = count_colours(image)
    torch.testing.assert_close(parts.projections, whole.projections, rtol=0, atol=0)
    torch.testing.assert_close(parts.histograms, whole.histograms, rtol=0, atol=0)
    assert torch.equal(whole.projections.sum(1), torch.full((64,), 99.0, dtype=torch.float64))


def test_every_colour_has_a_bin():
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3).T.reshape(1, 3, 2, 4)
    counts = count_colours(corners)
    assert (counts.projections.sum(1) == 8).all()
    assert counts.histograms[:, [0, -1]].tolist() == [[4, 4]] * 3


def test_directions_are_unit_vectors_spread_evenly():
    directions = fibonacci_directions(64).double()
    torch.testing.assert_close(directions.norm(dim=1), torch.ones(64).double())
    second = directions.T @ directions / 64
    torch.testing.assert_close(second, torch.eye(3).double() / 3, atol=0.01, rtol=0)
