"""Properties that the transfers of moments share, and the names of all."""

from collections.abc import Callable

import pytest
import torch
from colour_images import correlated_image
from torch import Tensor

from bench.baselines import BASELINES, transfer_mkl, transfer_reinhard

Transfer = Callable[[Tensor, Tensor], Tensor]


TRANSFERS = [transfer_mkl, transfer_reinhard]


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_transfer_to_itself_changes_nothing(transfer: Transfer) -> None:
    image = correlated_image(7).double()
    torch.testing.assert_close(transfer(image, image), image)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_transfer_clips_and_leaves_its_inputs_alone(transfer: Transfer) -> None:
    content = torch.rand(3, 16, 17, generator=torch.Generator().manual_seed(8))
    style = (torch.rand(3, 5, 40, generator=torch.Generator().manual_seed(9)) > 0.5).float()
    copies = content.clone(), style.clone()
    output = transfer(content, style)
    assert output.shape == content.shape
    assert 0.0 <= float(output.min()) <= float(output.max()) <= 1.0
    assert torch.equal(content, copies[0])
    assert torch.equal(style, copies[1])


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("flat", ["constant", "grey"])
def test_a_content_without_colour_takes_the_styles_mean(transfer: Transfer, flat: str) -> None:
    grey = correlated_image(10)[:1].expand(3, -1, -1)
    content = grey if flat == "grey" else torch.full((3, 20, 24), 0.3)
    style = correlated_image(11)
    output = transfer(content, style)
    assert bool(torch.isfinite(output).all())
    # Reinhard keeps the mean of Lab; the curve between Lab and RGB moves it by about a variance
    shift = 2 * float(style.var((1, 2)).max()) if transfer is transfer_reinhard else 1e-5
    torch.testing.assert_close(output.mean((1, 2)), style.mean((1, 2)), atol=shift, rtol=0)
    assert float(output.std()) < 0.2


def test_the_names_are_those_of_the_readme() -> None:
    names = ("reinhard", "mkl", "histogram", "idt", "idt-regrain", "content")
    assert BASELINES.names() == names
