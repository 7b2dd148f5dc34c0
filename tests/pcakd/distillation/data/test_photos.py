"""Crops of training photographs."""

from dataclasses import replace

import torch

from pcakd.distillation.data.photos import Photos
from pcakd.distillation.data.sampling import Sampling


def test_crops_depend_on_the_key_alone(photos):
    first, again = (Photos(photos, held_out=2, seed=3) for _ in range(2))
    again.batch((9, 9), size=2, crop=32)
    assert torch.equal(first.batch((1, 2), size=4, crop=32), again.batch((1, 2), size=4, crop=32))
    assert not torch.equal(
        first.batch((1, 2), size=4, crop=32), first.batch((1, 3), size=4, crop=32)
    )
    assert not set(first.held_out) & set(first.training)


def test_image_pairs_are_two_crops_or_one_crop_twice(photos):
    sampling = Sampling(zoom=(24, 60), exposure=1.0, image_pairs=True, identity_share=1.0)
    crops = Photos(photos, held_out=2, seed=3).batch((1,), size=4, crop=32, sampling=sampling)
    assert torch.equal(crops[0], crops[1])
    assert torch.equal(crops[2], crops[3])
    assert not torch.equal(crops[0], crops[2])
    apart = replace(sampling, identity_share=0.0)
    crops = Photos(photos, held_out=2, seed=3).batch((1,), size=4, crop=32, sampling=apart)
    assert not torch.equal(crops[0], crops[1])
    assert crops.min() >= 0.0
    assert crops.max() <= 1.0


def test_small_photos_are_enlarged(photos):
    assert Photos(photos, held_out=1, seed=0).batch((0,), size=1, crop=96).shape == (1, 3, 96, 96)


def test_samples_are_evenly_spaced(photos):
    drawn = Photos(photos, held_out=1, seed=0)
    assert len(drawn.training) == 7
    assert drawn.sample(3) == drawn.training[0:6:2]
    assert drawn.sample(7) == drawn.sample(900) == drawn.training
