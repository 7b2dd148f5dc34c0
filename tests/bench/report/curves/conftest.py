"""Records of curves."""

import pytest


@pytest.fixture
def curves(make_curve):
    """Two students on two pairs: three strengths and two other λ."""
    records = []
    for subject, lead in (("vgg16", 0.0), ("mobilenet_v1", 0.1)):
        for pair, shift in (("01", 0.0), ("02", 0.02)):
            for strength in (1.0, 0.5, 0.25):
                metrics = {
                    "gram": 0.9 + lead - 0.3 * strength + shift, "ssim": 0.95 - 0.2 * strength,
                    "lpips": 0.1 + 0.2 * strength,
                }  # fmt: skip
                records.append(make_curve(subject, pair, strength=strength, **metrics))
            for multiple, away in ((10.0, 0.1), (0.1, -0.12)):
                metrics = {
                    "gram": 0.6 + lead + away + shift, "ssim": 0.75 + 0.7 * away,
                    "lpips": 0.3 - 0.6 * away,
                }  # fmt: skip
                records.append(make_curve(subject, pair, regularizer=multiple, **metrics))
    return records
