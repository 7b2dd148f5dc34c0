"""The table of latencies on a busy machine."""

import dataclasses

from bench.records.schema import hash_case
from bench.report.common.summary import summarize
from bench.report.cost.contention import contention_rows, contention_table
from bench.report.cost.section import make_section


def busy(make_cost, repeat, **changes):
    record = make_cost(repeat=repeat, peak_bytes=None, **changes)
    case = dataclasses.replace(record.case, kind="contention")
    return dataclasses.replace(record, kind="contention", case=case, case_hash=hash_case(case))


def test_the_slowdown_is_that_of_the_medians(make_cost):
    quiet = [make_cost(repeat=n, latency_ns=[10_000_000] * 3) for n in range(3)]
    loud = [busy(make_cost, n, latency_ns=[(24 + n) * 1_000_000] * 3) for n in range(3)]
    summary = summarize([*quiet, *loud])
    (row,) = contention_rows(summary)
    assert row.slowdown == 2.5
    assert row.busy_ms.low < 24 < 26 < row.busy_ms.high
    (cells,) = contention_table(summary).cells.to_dict("records")
    assert (cells["Quiet ms"], cells["Busy ms"], cells["Slowdown"]) == ("10.0", "25.0", "2.50×")
    assert cells["Processes"] == "3"
    assert "## Latency on a busy machine" in make_section(summary).text
    assert summarize([*quiet, *loud]).cost == summarize(quiet).cost


def test_disturbed_processes_are_counted(make_cost):
    loud = [busy(make_cost, n, machine_state={"disturbed": n == 1}) for n in range(3)]
    table = contention_table(summarize(loud))
    assert list(table.cells["Processes"]) == ["3 (1 disturbed)"]
    assert list(table.data["num_disturbed_processes"]) == [1]


def test_a_failure_fills_its_cells(make_cost):
    failed = busy(make_cost, 0, status="timeout", reason="slow", latency_ns=None)
    (cells,) = contention_table(summarize([make_cost(), failed])).cells.to_dict("records")
    assert {cells[name] for name in ("Busy ms", "Interval ms", "Status")} == {"timeout"}
    assert cells["Slowdown"] == "—"
    assert contention_table(summarize([make_cost()])).cells.empty
