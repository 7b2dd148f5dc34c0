"""The job that describes a run refuses bad input first."""

import pytest
import torch
from job_inputs import make_pairs

from bench.worker.jobs import describe_run
from pcakd.errors import ShapeError, UnknownNameError


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (((30, 64), (64, 64)), "pair a: the content would be measured at 30x64 px, at least 31x31"),
        (((64, 64), (64, 15)), "pair a: the style would be measured at 64x15 px, at least 16x16"),
        (((64, 640), (64, 64)), "pair a: the content would be measured at 6x64 px"),
    ],
)
def test_too_small_a_pair_ends_the_run_before_it_begins(tmp_path, sizes, message):
    threads = torch.get_num_threads()
    job = {
        "device": "cpu", "max_side": 64, "pairs": make_pairs(tmp_path, a=sizes), "subjects": [],
        "resolutions": [],
    }  # fmt: skip
    try:
        with pytest.raises(ShapeError, match=message):
            describe_run(job, lambda message: None)
    finally:
        torch.set_num_threads(threads)


def test_a_wrong_name_is_reported_before_anything_is_counted():
    messages = []
    job = {"device": "cpu", "max_side": 64, "pairs": [], "resolutions": []}
    with pytest.raises(UnknownNameError, match="vgg16"):
        describe_run(job | {"subjects": ["content", "vgg61"]}, messages.append)
    assert messages == []


def test_a_filtered_subject_of_another_precision_is_counted_in_float32():
    messages = []
    job = {"device": "cpu", "max_side": 64, "pairs": []}
    job["resolutions"] = [{"name": "a", "width": 64, "height": 64}]
    names = ["mobilenet_v1|guided", "mobilenet_v1+bf16|guided"]
    describe_run(job | {"subjects": names}, messages.append)
    one, other = [each for each in messages if each["type"] == "subject"]
    assert (one["name"], other["name"]) == tuple(names)
    assert one["macs"] == other["macs"]
