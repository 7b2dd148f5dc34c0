"""Properties that the transfers of whole distributions share."""

import pytest
import torch
from colour_images import spread_image

from bench.baselines.histogram import transfer_histogram
from bench.baselines.idt import transfer_idt, transfer_idt_regrain

TRANSFERS = [transfer_histogram, transfer_idt, transfer_idt_regrain]


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_transfer_to_itself_changes_next_to_nothing(transfer):
    image = spread_image(9).double()
    torch.testing.assert_close(transfer(image, image), image)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_constant_content_takes_the_styles_mean(transfer):
    style = spread_image(10).double()
    output = transfer(torch.full((3, 40, 50), 0.3, dtype=torch.float64), style)
    expected = style.mean((1, 2), keepdim=True).expand_as(output)
    torch.testing.assert_close(output, expected)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_constant_style_leaves_one_colour(transfer):
    style = torch.tensor([0.2, 0.5, 0.9]).view(3, 1, 1).expand(3, 30, 20)
    output = transfer(spread_image(11), style)
    # regraining gives some of the content's contrast back, the mean colour stays
    torch.testing.assert_close(output.mean((1, 2)), style[:, 0, 0], atol=0.03, rtol=0)
    if transfer is not transfer_idt_regrain:
        assert float(output.std((1, 2)).max()) < 0.01


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_transfer_is_deterministic_clips_and_leaves_its_inputs_alone(transfer):
    content = 3 * torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(12)) - 1
    style = 2 * torch.rand(3, 17, 40, generator=torch.Generator().manual_seed(13)) - 0.5
    copies = content.clone(), style.clone()
    output = transfer(content, style)
    assert output.shape == content.shape
    assert 0.0 == float(output.min()) < float(output.max()) == 1.0
    assert torch.equal(output, transfer(content, style))
    assert torch.equal(content, copies[0])
    assert torch.equal(style, copies[1])
