"""Batches drawn ahead equal batches drawn on demand."""

import threading
from contextlib import closing

import pytest
import torch

from pcakd.distillation.data.prefetch import prefetch
from pcakd.errors import ImageError

KEYS = [(7, step) for step in range(4)]


@pytest.mark.parametrize("enabled", [True, False])
def test_each_key_gets_its_own_batch_once(enabled):
    drawn, threads = [], set()

    def draw(key):
        drawn.append(key)
        threads.add(threading.current_thread())
        return torch.tensor(key)

    batches = list(prefetch(draw, KEYS, enabled=enabled))
    assert [tuple(batch.tolist()) for batch in batches] == drawn == KEYS
    (thread,) = threads
    assert (thread is threading.current_thread()) is not enabled
    assert thread.is_alive() is not enabled  # a worker has gone


def test_the_next_batch_is_drawn_while_this_one_is_in_use():
    in_use, drawn = threading.Event(), []

    def draw(key):
        if key == KEYS[1]:
            assert in_use.wait(10)
        drawn.append(key)
        return torch.tensor(key)

    with closing(prefetch(draw, KEYS, enabled=True)) as batches:
        next(batches)  # would wait in vain if it drew what follows itself
        assert drawn == KEYS[:1]
        in_use.set()
    assert drawn == KEYS[:2]  # closed: begun and ended, and nothing after it


def test_an_error_is_raised_when_its_batch_is_due():
    def draw(key):
        if key == KEYS[1]:
            raise ImageError("photo.jpg is truncated")
        return torch.tensor(key)

    batches = prefetch(draw, KEYS, enabled=True)
    next(batches)
    with pytest.raises(ImageError, match="truncated"):
        next(batches)
