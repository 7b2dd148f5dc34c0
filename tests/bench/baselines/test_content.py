"""The content as a baseline."""

import torch
from colour_images import correlated_image

from bench.baselines import keep_content


def test_content_is_returned_as_a_copy() -> None:
    content = correlated_image(12)
    output = keep_content(content, correlated_image(13))
    assert torch.equal(output, content)
    assert output.data_ptr() != content.data_ptr()
