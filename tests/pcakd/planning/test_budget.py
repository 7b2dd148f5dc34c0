import pytest

from pcakd.errors import PcakdError
from pcakd.planning import parse_budget


@pytest.mark.parametrize(
    ("text", "quantity", "limit", "size"),
    [
        ("latency=200ms@FHD", "latency", 2e8, "FHD"),
        ("latency=1.5s@640x480", "latency", 1.5e9, "640x480"),
        ("macs=3000/px", "macs", 3000, None),
        ("macs=3k/px", "macs", 3000, None),
        ("params=40k", "params", 40_000, None),
        ("params=0.1M", "params", 100_000, None),
        ("params=40000", "params", 40_000, None),
        ("memory=1GiB@8K", "memory", 2**30, "8K"),
        ("memory=500 MB@HD", "memory", 5e8, "HD"),
    ],
)
def test_budgets_are_read(text, quantity, limit, size):
    budget = parse_budget(text)
    assert (budget.text, budget.quantity, budget.limit) == (text, quantity, limit)
    assert (budget.resolution.name if budget.resolution else None) == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latancy=200ms@FHD", "did you mean 'latency'"),
        ("latency", "budget"),
        ("latency=200ms", "latency=200ms@FHD"),
        ("latency=200@FHD", "units: us, µs, ms, s"),
        ("latency=200ms@UHD", "resolution 'UHD'"),
        ("macs=3000", "macs=3000/px"),
        ("macs=3000/px@HD", "macs=3000/px"),
        ("params=-4", "cannot be read"),
        ("params=0", "must be positive"),
        ("params=1e999", "must be positive"),
        ("params=nan", "cannot be read"),
        ("memory=1GB", "memory=1GiB@8K"),
        ("", "budget '' is not known"),
    ],
)
def test_other_texts_are_one_line(text, message):
    with pytest.raises(PcakdError, match=message) as caught:
        parse_budget(text)
    assert "\n" not in str(caught.value)
