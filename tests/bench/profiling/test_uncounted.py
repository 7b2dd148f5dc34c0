"""Operators that counts leave out have names."""

import pytest
import torch

from bench.profiling.macs import count_macs, trace_macs
from bench.profiling.uncounted import mark_uncounted
from bench.subjects import Prepared, parse_subject


def test_a_named_call_is_what_a_trace_shows():
    double = mark_uncounted("double", lambda first, second: torch.from_numpy(first.numpy() * 2))
    subject = Prepared(modules=(), run=lambda content, style: double(content, style) + content)
    trace = trace_macs(subject, (4, 5), (4, 5))
    assert trace.uncounted == {"double": 1}
    assert trace.macs == {"add": 60}
    assert torch.equal(double(torch.ones(2), torch.ones(2)), torch.full((2,), 2.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "named"),
    [("histogram", "match_histograms"), ("idt", "bincount"), ("idt-regrain", "regrain")],
)
def test_what_is_not_counted_is_named(name, named):
    (count,) = count_macs(parse_subject(name).prepare("cpu"), [(34, 50)])
    assert named in count.uncounted
    assert count.macs_content == 0
    assert (count.macs_total > 34 * 50 * 500) == (name != "histogram")
