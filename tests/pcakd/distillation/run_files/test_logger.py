"""The learning rate of a schedule, and the rows that a resumed log keeps."""

import csv

import pytest

from pcakd.distillation.run_files.logger import TrainingLogger
from pcakd.distillation.schedule import PhaseSchedule, Schedule


def test_the_rate_rises_and_falls():
    schedule = Schedule(steps=100, rate=1.0)
    rates = [schedule.rate_at(step) for step in range(100)]
    assert max(rates) == pytest.approx(1.0, abs=0.02)
    assert rates[0] < rates[5] < rates[9]
    assert rates[20] > rates[60] > rates[99] > 0.0


def test_a_resumed_log_keeps_the_rows_before_its_position(tmp_path):
    phases = [
        PhaseSchedule(name=name, schedule=Schedule(steps=6, rate=1e-3))
        for name in ("encoder", "autoencoder")
    ]

    def row(phase, attempt, step):
        return {"block": 0, "attempt": attempt, "phase": phases[phase].name, "step": step} | {
            "rate": 1.0,
            "global_step": 100 * phase + step,
            "loss": 0.5,
        }

    plan = {"phases": phases, "losses": ("image1",)}
    # the decoders collapsed at step 40 and began again
    rows = [row(0, 0, 20), row(1, 0, 20), row(1, 0, 40), row(1, 1, 20), row(1, 1, 40)]
    with TrainingLogger(tmp_path, **plan, position=(0, 0, 0)) as logger:
        for each in rows:
            logger.add(each)
    with (tmp_path / "losses.csv").open("a") as stream:
        stream.write("0,1,autoencoder")  # torn by a kill
    with TrainingLogger(tmp_path, **plan, position=(1, 1, 120)):
        pass
    with (tmp_path / "losses.csv").open() as stream:
        kept = [(r["phase"], int(r["attempt"]), int(r["step"])) for r in csv.DictReader(stream)]
    assert kept == [
        ("encoder", 0, 20),
        ("autoencoder", 0, 20),
        ("autoencoder", 0, 40),
        ("autoencoder", 1, 20),
    ]
