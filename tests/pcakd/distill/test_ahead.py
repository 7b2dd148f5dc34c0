"""Batches drawn ahead are those that would have been drawn."""

import threading

import pytest
import torch

from pcakd.distill.ahead import DrawAhead
from pcakd.errors import ImageError


@pytest.mark.parametrize("busy", [True, False])
def test_each_key_gets_its_own_batch(busy):
    drawn = []

    def draw(key):
        drawn.append(key)
        return torch.tensor(key)

    crops = DrawAhead(draw, busy=busy)
    for step in range(4):
        then = (7, step + 1) if step < 3 else None
        assert crops.take((7, step), then=then).tolist() == [7, step]
    assert drawn == [(7, step) for step in range(4)]
    # a restarted leg wants other crops than those that lie ready
    crops.take((7, 0), then=(7, 1))
    assert crops.take((8, 0), then=None).tolist() == [8, 0]


def test_the_next_batch_is_drawn_while_this_one_is_in_use():
    begun = threading.Event()

    def draw(key):
        if key == (1,):
            begun.set()
        return torch.tensor(key)

    DrawAhead(draw, busy=False).take((0,), then=(1,))
    assert begun.wait(10)


def test_a_batch_that_cannot_be_drawn_is_told_when_it_is_wanted():
    def draw(key):
        if key == (1,):
            raise ImageError("photo.jpg is truncated")
        return torch.tensor(key)

    crops = DrawAhead(draw, busy=False)
    crops.take((0,), then=(1,))
    with pytest.raises(ImageError, match="truncated"):
        crops.take((1,), then=None)
