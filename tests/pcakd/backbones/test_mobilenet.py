"""MobileNet-V1 with its real weights."""

import pytest
import torch
import torch.nn.functional as F

from pcakd.backbones import (
    create_backbone,
)

pytestmark = pytest.mark.numerics


@pytest.mark.weights
def test_the_mobilenet_teacher_fires_as_it_was_trained_to(weights_folder, data_folder):
    """Pre-normalisation means over photographs correlate with the stored running means."""
    from pcakd.images import list_images, load_image
    from pcakd.weights import load_weights

    loaded = load_weights("mobilenet_v1", "keras").tensors
    photos = list_images(data_folder / "photos" / "val")
    image = torch.stack([load_image(p)[:, :224, :224] for p in photos])
    padded = F.pad(image * 2 - 1, (0, 1, 0, 1))
    raw = F.conv2d(padded, loaded["conv1.weight"], stride=2).mean(dim=(0, 2, 3))
    pair = torch.stack((raw, loaded["conv1_bn.running_mean"]))
    assert float(torch.corrcoef(pair)[0, 1]) > 0.95
    image = image[:4]
    teacher = create_backbone("mobilenet_v1")
    assert [t.shape[1:] for t in teacher(image)] == [
        (32, 112, 112), (64, 56, 56), (128, 28, 28), (256, 14, 14)
    ]  # fmt: skip
    assert all(float(t.min()) >= 0.0 and float(t.max()) <= 6.0 for t in teacher(image))
