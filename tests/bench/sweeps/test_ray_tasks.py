"""Trainings on a Ray cluster: lost workers cost their own training, which continues."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from bench.sweeps.ray_tasks import run_ray_tasks
from pcakd.errors import ConfigError
from pcakd.students import load_student
from tests.makers.tiny_sweeps import write_images

pytest.importorskip("ray", reason="the extra ray is not installed")

PLAN = """
[[grid]]
name = "s"
about = "a student"
over.seed = [0, 1, 2]
[grid.options]
backbone = "tiny"
steps = [250, 60, 2]
rate = 0.003
crop = 32
batch = 2
basis_images = 4
held_out = 2
set = { min_r2_share = -99, max_dead_share = 1 }
"""


@pytest.fixture(scope="module")
def cluster():
    """Start a cluster of two processors, and stop it."""
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # else it writes a token into the home folder
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield from _start(ray)


def _start(ray):
    terminate = signal.getsignal(signal.SIGTERM)  # Ray replaces it, for the tests that follow too
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=80e6)
    signal.signal(signal.SIGTERM, terminate)
    yield ray
    ray.shutdown()


@pytest.fixture
def arguments(tmp_path: Path):
    write_images(tmp_path, photos=8)
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "work").mkdir()
    places = ["--plan", "plan.toml", "--data", "photos", "--work", "work"]
    shared = [str(tmp_path / each) if each[0] != "-" else each for each in places]
    return ["sweep", "--train-only", "--device", "cpu", *shared]


def _kill_one(folder: Path) -> int:
    """Kill the worker whose training has its first checkpoint, and return its process."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for process in psutil.process_iter(["cmdline"]):
            title = " ".join(process.info["cmdline"] or ())
            name = title.removeprefix("ray::").split("(")[0].strip()
            if title.startswith("ray::") and any(
                folder.glob(f"work/{name}-????????-cpu/checkpoint.safetensors")
            ):
                process.kill()
                return process.pid
        time.sleep(0.02)
    raise AssertionError("no worker had a checkpoint in time")


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_worker_costs_its_own_training_alone(cluster, arguments, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    names = ["s", "s-seed1", "s-seed2"]
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(_kill_one, tmp_path)
        run_ray_tasks(
            {name: [*arguments, name] for name in names},
            address="auto", threads=1, gpus=0, logs=tmp_path / "work",
        )  # fmt: skip
        assert not psutil.pid_exists(killed.result())
    for name in names:
        (folder,) = tmp_path.glob(f"work/{name}-????????-cpu")
        card = load_student(folder / f"{name}.safetensors").card
        assert [phase["attempts"] for phase in card["phases"]] == [1, 1, 1]
    logs = [(tmp_path / "work" / f"{name}.log").read_text() for name in names]
    assert sorted(log.count("trial s: ") + log.count("trial s-") for log in logs) == [1, 1, 2]


def test_bad_input_is_reported_and_not_tried_again(cluster, arguments, tmp_path):
    with pytest.raises(ConfigError, match=r"other: bench: error: trial 'other' is not known"):
        run_ray_tasks(
            {"other": [*arguments, "other"]},
            address="auto", threads=1, gpus=0, logs=tmp_path / "work",
        )  # fmt: skip
    log = (tmp_path / "work" / "other.log").read_text()
    assert log.count("is not known") == 1


def test_more_threads_than_any_machine_has_are_refused(cluster, arguments, tmp_path):
    with pytest.raises(ConfigError, match=r"takes 64 threads .* more than 2 processors"):
        run_ray_tasks({"s": [*arguments, "s"]}, address="auto", threads=64, gpus=0, logs=tmp_path)
