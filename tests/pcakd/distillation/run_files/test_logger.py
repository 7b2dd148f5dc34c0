"""The rate of a leg, and the rows that a journal keeps."""

import csv

import pytest

from pcakd.distillation.run_files.logger import Journal
from pcakd.distillation.schedule import Leg, Schedule


def test_the_rate_rises_and_falls():
    schedule = Schedule(steps=100, rate=1.0)
    rates = [schedule.rate_at(step) for step in range(100)]
    assert max(rates) == pytest.approx(1.0, abs=0.02)
    assert rates[0] < rates[5] < rates[9]
    assert rates[20] > rates[60] > rates[99] > 0.0


def test_a_journal_keeps_what_came_before_the_position(tmp_path):
    legs = [
        Leg(phase=phase, schedule=Schedule(steps=6, rate=1e-3))
        for phase in ("encoder", "autoencoder")
    ]

    def row(leg, attempt, step):
        return {"block": 0, "attempt": attempt, "phase": legs[leg].phase, "step": step} | {
            "rate": 1.0,
            "global_step": 100 * leg + step,
            "loss": 0.5,
        }

    # the decoders collapsed at step 40 and began again
    rows = [row(0, 0, 20), row(1, 0, 20), row(1, 0, 40), row(1, 1, 20), row(1, 1, 40)]
    with Journal(tmp_path, legs=legs, position=(0, 0, 0)) as journal:
        for each in rows:
            journal.add(each)
    with (tmp_path / "losses.csv").open("a") as stream:
        stream.write("0,1,autoencoder")  # torn by a kill
    with Journal(tmp_path, legs=legs, position=(1, 1, 120)):
        pass
    with (tmp_path / "losses.csv").open() as stream:
        kept = [(r["phase"], int(r["attempt"]), int(r["step"])) for r in csv.DictReader(stream)]
    assert kept == [
        ("encoder", 0, 20),
        ("autoencoder", 0, 20),
        ("autoencoder", 0, 40),
        ("autoencoder", 1, 20),
    ]
