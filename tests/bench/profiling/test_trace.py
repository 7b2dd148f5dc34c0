"""Traces are JSON that Perfetto reads, with sections as ranges."""

import gzip
import json
import threading

import pytest
import torch

from bench.profiling import trace
from bench.profiling.trace import write_trace
from pcakd.errors import OutputError
from pcakd.utils.sections import section
from pcakd.utils.threads import map_in_threads, split_by_pieces

CPU = torch.device("cpu")


def call():
    with section("transform"):
        matrix = torch.rand(8, 8)
        with section("eigh"):
            torch.linalg.eigh(matrix @ matrix.T)


def ranges(content):
    events = json.loads(content)["traceEvents"]
    return {
        event["name"]: (event["ts"], event["ts"] + event["dur"])
        for event in events
        if event.get("cat") == "user_annotation"
    }


@pytest.mark.parametrize("name", ["trace.json", "trace.json.gz"])
def test_sections_are_nested_ranges(tmp_path, name):
    path = tmp_path / name
    write_trace(path, call, device=CPU)
    content = path.read_bytes()
    found = ranges(gzip.decompress(content) if name.endswith(".gz") else content)
    assert found.keys() >= {"transform", "eigh"}
    assert found["transform"][0] <= found["eigh"][0] < found["eigh"][1] <= found["transform"][1]
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(trace._all_threads() is None, reason="this torch profiles one thread")
def test_operators_of_all_threads_are_in_the_trace(tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        write_trace(tmp_path / "trace.json", call_in_threads, device=CPU)
    finally:
        torch.set_num_threads(threads)
    events = json.loads((tmp_path / "trace.json").read_bytes())["traceEvents"]
    own = [event for event in events if event["name"] == "aten::linalg_eigh"]
    assert len(own) == 16
    assert threading.get_native_id() not in {event["tid"] for event in own}


def call_in_threads():
    with torch.no_grad(), split_by_pieces(pixels=10**9, device="cpu"):
        map_in_threads(lambda _: torch.linalg.eigh(torch.eye(8)), range(16))


def test_a_failure_keeps_the_file_of_before(tmp_path):
    path = tmp_path / "trace.json"
    path.write_text("before")

    def fail():
        raise RuntimeError("stuck")

    with pytest.raises(RuntimeError, match="stuck"):
        write_trace(path, fail, device=CPU)
    assert path.read_text() == "before"


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"traceEvents": []}'])
def test_an_invalid_trace_is_refused(tmp_path, content):
    with pytest.raises(OutputError, match=r"cannot write .*trace\.json: torch"):
        trace._require_trace(tmp_path / "trace.json", content)


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(OutputError, match="does not exist; create it"):
        write_trace(tmp_path / "none" / "trace.json", call, device=CPU)
