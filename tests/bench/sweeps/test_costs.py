"""Costs of the students of a sweep, measured as ``bench run`` measures them."""

from pathlib import Path

import torch

from bench.records.store import read_records
from bench.sweeps.costs import measure_costs
from pcakd.costs import count_student
from pcakd.students import StudentSpec, create_student, save_student


def test_students_are_measured_once_on_one_machine_and_commit(tmp_path: Path) -> None:
    spec = StudentSpec(architecture="tiny", ranks=(3, 4, 5, 6))
    student = tmp_path / "mine.safetensors"
    save_student(student, create_student(spec, seed=0))
    cpu = torch.device("cpu")
    found = measure_costs({"mine": student}, ["64x48"], device=cpu, work=tmp_path / "work")
    cost = found["mine"]["64x48"]
    counts = count_student(spec)
    assert cost["status"] == "ok"
    assert cost["num_params"] == counts.num_params
    assert abs(cost["macs_per_pixel"] - float(counts.macs)) < 0.01 * float(counts.macs)
    assert cost["latency_ms"] > 0
    assert cost["peak_bytes"] > 64 * 48 * 3 * 4
    (folder,) = (tmp_path / "work").glob("costs-*")
    before = len(read_records(folder))
    again = measure_costs({"mine": student}, ["64x48"], device=cpu, work=tmp_path / "work")
    assert again == found  # from its records
    assert len(read_records(folder)) == before
