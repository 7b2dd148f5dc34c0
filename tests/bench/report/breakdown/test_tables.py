"""Tables of the time breakdown."""

from bench.report.breakdown.tables import breakdown_table, speedup_table
from bench.report.common.summary import summarize
from bench.report.common.tables import to_markdown


def test_every_cell_has_text(compared, make_stages):
    summary = summarize([*compared, make_stages("mobilenet_v1", status="timeout", reason="slow")])
    for table in (breakdown_table(summary).cells, speedup_table(summary).cells):
        assert not table.isin(["", "nan", "None", None]).any(axis=None)
        assert not table.isna().any(axis=None)
        assert to_markdown(table)


def test_raw_numbers_are_whole(compared):
    data = breakdown_table(summarize(compared)).data.set_index(["subject", "section"])
    assert data.loc[("vgg16", "encode"), "latency_median_ns"] == 60_000_000
    assert data.loc[("vgg16", "filter"), "macs"] is None
    assert data.loc[("vgg16", "transform"), "macs_per_second"] is None


def test_counts_with_uncounted_operators_are_lower_bounds(make_stages):
    stages = {
        "transform": {"latency_ns": 9, "macs": 3_000_000, "bytes": 2**20, "opaque": 1},
        "other": {"latency_ns": 1, "macs": 0, "bytes": 2**10},
    }
    record = make_stages("idt-regrain", transform="none", stages=stages)
    table = breakdown_table(summarize([record]))
    cells = table.cells.set_index("Section")
    assert cells.loc["transform", ["MACs", "Bytes"]].tolist() == ["≥ 3.00 M", "≥ 1.00 MiB"]
    assert cells.loc["transform", ["MACs/s", "MACs/byte"]].tolist() == ["—", "—"]
    assert cells.loc["other", ["MACs", "Bytes"]].tolist() == ["0", "1.00 KiB"]
    data = table.data.set_index("section")
    assert data["lower_bounds"].tolist() == [True, False]
    assert data.loc["transform", "macs_per_second"] is None
    stages["transform"] |= {"macs": 0, "bytes": 0}
    record = make_stages("histogram", stages=stages)
    cells = breakdown_table(summarize([record])).cells.set_index("Section")
    assert cells.loc["transform", ["MACs", "Bytes"]].tolist() == ["not counted"] * 2


def test_the_filter_has_counts_and_no_rate(make_stages):
    stages = {
        "transform": {"latency_ns": 9, "macs": 3, "bytes": 4},
        "filter": {"latency_ns": 5, "macs": 6, "bytes": 7},
    }
    table = breakdown_table(summarize([make_stages(stages=stages)]))
    cells = table.cells.set_index("Section")
    assert cells.loc["filter (optional)", ["MACs", "MACs/s"]].tolist() == ["6.00", "—"]
