"""Work on a pool of threads: as a loop would do it, without a trace in the caller's settings."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from pcakd.utils.threads import map_in_threads


@pytest.fixture(params=[2, 3])
def threads(request):
    """Give PyTorch some threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def describe(item):
    time.sleep(0.005)  # so that all threads get some
    modes = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    return item, threading.get_ident(), torch.get_num_threads(), *modes


def test_each_thread_computes_on_one_core_and_the_caller_keeps_its_number(threads):
    results = map_in_threads(describe, range(30), device="cpu")
    assert [item for item, *_ in results] == list(range(30))
    assert len({identity for _, identity, *_ in results}) == threads
    assert threading.get_ident() not in {identity for _, identity, *_ in results}
    assert {number for _, _, number, *_ in results} == {1}
    assert torch.get_num_threads() == threads
    with ThreadPoolExecutor(1) as pool:  # the default of threads that start later
        assert pool.submit(torch.get_num_threads).result() == threads


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_threads_take_the_mode_of_the_caller(threads, mode):
    with mode():
        own = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        assert {tuple(each[3:]) for each in map_in_threads(describe, range(30), device="cpu")} == {
            own
        }


def test_what_cannot_be_split_runs_in_the_calling_thread(threads):
    own = threading.get_ident()
    few = range(8 * threads - 1)
    assert {each[1] for each in map_in_threads(describe, few, device="cpu")} == {own}
    more = range(8 * threads)
    assert own not in {each[1] for each in map_in_threads(describe, more, device="cpu")}
    assert {each[1] for each in map_in_threads(describe, range(30), device="cuda")} == {own}
    with torch.autocast("cpu", torch.bfloat16):  # holds for the calling thread alone
        assert {each[1] for each in map_in_threads(describe, range(30), device="cpu")} == {own}
    torch.set_num_threads(1)
    assert {each[1] for each in map_in_threads(describe, range(30), device="cpu")} == {own}


def test_an_error_stops_the_rest_and_nothing_runs_on(threads):
    running, seen = [], []

    def fail(item):
        running.append(item)
        time.sleep(0.02)
        if item == 1:
            raise ValueError("item 1")
        seen.append(item)

    with pytest.raises(ValueError, match="item 1"):
        map_in_threads(fail, range(100), device="cpu")
    assert len(running) < 100
    assert set(running) == {1, *seen}  # all that began have ended
    assert len(map_in_threads(describe, range(30), device="cpu")) == 30


def test_several_callers_share_the_threads(threads):
    def call(number):
        torch.set_num_threads(threads)
        return map_in_threads(lambda item: item * number, range(30), device="cpu")

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(call, range(4)))
    assert results == [[item * number for item in range(30)] for number in range(4)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_starts_its_own_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        map_in_threads(describe, range(30), device="cpu")
        child = os.fork()
        if not child:  # no operator runs here: OpenMP does not survive a fork, but this pool must
            results = map_in_threads(lambda item: item + 1, range(30), device="cpu")
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
