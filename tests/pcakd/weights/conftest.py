"""A file as Keras writes it."""

import h5py
import numpy as np
import pytest

from pcakd.weights.sets import VGG16_LAYERS


@pytest.fixture
def vgg_file(tmp_path):
    """Keras' oldest layout: ``block1_conv1/block1_conv1_W_1:0``; kernels of unequal sides."""
    generator = np.random.default_rng(0)
    with h5py.File(tmp_path / "vgg16.h5", "w") as file:
        for layer in VGG16_LAYERS.values():
            kernel = generator.normal(size=(2, 3, 3, 5)).astype(np.float32)
            file[f"{layer}/{layer}_W_1:0"] = kernel
            file[f"{layer}/{layer}_b_1:0"] = generator.normal(size=5).astype(np.float32)
    return tmp_path / "vgg16.h5"
