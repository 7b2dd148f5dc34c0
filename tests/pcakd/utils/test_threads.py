"""Work on a pool of threads: as a loop would do it, without a trace in the caller's settings."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial

import pytest
import torch

from pcakd.utils.threads import call_in_thread, map_in_threads, split_by_pieces

LARGE = 100_000_000

split = partial(split_by_pieces, pixels=LARGE, device="cpu")


@pytest.fixture(params=[2, 3])
def threads(request):
    """Give PyTorch some threads, without gradients."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    with torch.no_grad():
        yield request.param
    torch.set_num_threads(before)


def describe(item):
    time.sleep(0.005)  # so that all threads get some
    modes = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    return item, threading.get_ident(), torch.get_num_threads(), *modes


def map_split(function, items):
    with split():
        return map_in_threads(function, items)


def test_each_thread_computes_on_one_core_and_the_caller_keeps_its_number(threads):
    results = map_split(describe, range(30))
    assert [item for item, *_ in results] == list(range(30))
    assert len({identity for _, identity, *_ in results}) == threads
    assert threading.get_ident() not in {identity for _, identity, *_ in results}
    assert {number for _, _, number, *_ in results} == {1}
    assert torch.get_num_threads() == threads
    with ThreadPoolExecutor(1) as pool:  # the default of threads that start later
        assert pool.submit(torch.get_num_threads).result() == threads


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_threads_take_the_mode_of_the_caller(threads, mode):
    with mode(), split():
        own = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        assert {tuple(each[3:]) for each in map_in_threads(describe, range(30))} == {own}
        assert tuple(call_in_thread(lambda: describe(0))[3:]) == own


def ran_here(results):
    return {identity for _, identity, *_ in results} == {threading.get_ident()}


def test_what_cannot_be_split_runs_in_the_calling_thread(threads):
    assert ran_here(map_in_threads(describe, range(30)))
    with split():
        assert not ran_here(map_in_threads(describe, range(1)))
    with split_by_pieces(pixels=450_000 * threads - 1, device="cpu"):
        assert ran_here(map_in_threads(describe, range(30)))
        assert ran_here([call_in_thread(lambda: describe(0))])
    with split_by_pieces(pixels=450_000 * threads, device="cpu"):
        assert not ran_here(map_in_threads(describe, range(30)))
    with split_by_pieces(pixels=LARGE, device="cuda"):
        assert ran_here(map_in_threads(describe, range(30)))
    with torch.autocast("cpu", torch.bfloat16):  # holds for the calling thread alone
        assert ran_here(map_split(describe, range(30)))
    with torch.enable_grad():  # would be lost in another thread
        assert ran_here(map_split(describe, range(30)))
    torch.set_num_threads(1)
    assert ran_here(map_split(describe, range(30)))


def test_a_small_call_between_them_runs_on_the_same_threads(threads):
    word = ContextVar("word", default="none")
    word.set("mine")
    with split():
        pool = {identity for _, identity, *_ in map_in_threads(describe, range(30))}
        _, identity, number, *_ = call_in_thread(lambda: describe(0))
        assert identity in pool
        assert number == 1
        assert call_in_thread(word.get) == "mine"
        with pytest.raises(ValueError, match="no value"):
            call_in_thread(partial(fail_with, "no value"))
        nested = call_in_thread(lambda: map_in_threads(describe, range(30)))  # no deadlock
    assert len({identity for _, identity, *_ in nested}) == 1
    assert torch.get_num_threads() == threads


def fail_with(message):
    raise ValueError(message)


def test_an_error_stops_the_rest_and_nothing_runs_on(threads):
    running, seen = [], []

    def fail(item):
        running.append(item)
        time.sleep(0.02)
        if item == 1:
            raise ValueError("item 1")
        seen.append(item)

    with pytest.raises(ValueError, match="item 1"):
        map_split(fail, range(100))
    assert len(running) < 100
    assert set(running) == {1, *seen}  # all that began have ended
    assert len(map_split(describe, range(30))) == 30


def test_several_callers_share_the_threads(threads):
    @torch.no_grad()
    def call(number):
        torch.set_num_threads(threads)
        return map_split(lambda item: item * number, range(30))

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(call, range(4)))
    assert results == [[item * number for item in range(30)] for number in range(4)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@torch.no_grad()
def test_a_forked_process_starts_its_own_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        map_split(describe, range(30))
        child = os.fork()
        if not child:  # no operator runs here: OpenMP does not survive a fork, but this pool must
            results = map_split(lambda item: item + 1, range(30))
            os._exit(0 if results == list(range(1, 31)) else 1)
        deadline = time.monotonic() + 20
        while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < deadline:
            time.sleep(0.01)
        if not ended[0]:
            os.kill(child, 9)
            os.waitpid(child, 0)
        assert ended == (child, 0)
    finally:
        torch.set_num_threads(before)
