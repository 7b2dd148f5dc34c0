"""Seeded weights of a teacher, and seeded images."""

import torch

VGG_SHAPES = {
    0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128), 12: (256, 256),
    14: (256, 256), 17: (512, 256),
}  # fmt: skip


def seeded_vgg(seed=0):
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for index, (wide_out, wide_in) in VGG_SHAPES.items():
        weight = torch.randn(wide_out, wide_in, 3, 3, generator=generator)
        tensors[f"features.{index}.weight"] = weight * (2.0 / (9 * wide_in)) ** 0.5
        tensors[f"features.{index}.bias"] = torch.randn(wide_out, generator=generator) * 0.1
    return tensors


def seeded_image(size=32, seed=0):
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed))


def seeded_photo(height, width, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))
