"""Training on several processes computes what one process does."""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_distillation import RECIPE, make_config
from torch.distributed.distributed_c10d import Backend, BackendConfig

from pcakd.distillation.parallel import (
    group_backend,
    join_group,
    own_part,
    world_size,
)
from pcakd.distillation.run import distill
from pcakd.eigenbases import load_eigenbases
from pcakd.errors import ConfigError
from pcakd.students import load_student

SCRIPT = str(Path(__file__).with_name("train_tiny.py"))
MAKERS = str(Path(__file__).parents[2] / "makers")
OF_TWO = {
    "WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
}  # fmt: skip
TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def _run(*arguments):
    paths = os.pathsep.join([MAKERS, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


def _losses(folder):
    with (folder / "losses.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return np.array([[float(r[name] or 0) for name in r if name != "phase"] for r in rows])


def test_two_processes_train_what_one_does(photos, tmp_path):
    alone, together = tmp_path / "one", tmp_path / "two"
    one, two = _run(SCRIPT, photos, alone), _run(*TWO, SCRIPT, photos, together)
    assert one.returncode == 0, one.stderr
    assert two.returncode == 0, two.stderr
    assert "FutureWarning" not in two.stderr
    expected, found = (load_eigenbases(f / "eigenbases.safetensors")[0] for f in (alone, together))
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(a.basis, b.basis, atol=1e-6, rtol=0)  # stored in float32
        torch.testing.assert_close(a.eigenvalues, b.eigenvalues, atol=1e-10, rtol=0)
    losses, others = _losses(alone), _losses(together)
    # a sum over 4 × 32² pixels in another order errs by about √4096 · 1.2e-7 = 8e-6 in float32, and
    # there are some ten layers, and the stylization phase divides by small norms and roots;
    # statistics of half a batch would differ by 1e-2
    np.testing.assert_allclose(others, losses, rtol=1e-3, atol=1e-6)
    first, second = (load_student(f / "tiny.safetensors") for f in (alone, together))
    # what the last step makes of them: it moves these losses by 6 %, rounding by less than 1e-4,
    # but for one of them by 1.4e-3 with oneDNN on AVX2 (torch 2.15, Python 3.13, two threads)
    held_out, others = (each.card["phases"][-1]["held_out_losses"] for each in (first, second))
    assert others == pytest.approx(held_out, rel=3e-3, abs=1e-5)
    assert (first.card["processes"], second.card["processes"]) == (1, 2)


@pytest.mark.slow
def test_a_batch_that_does_not_divide_is_refused_in_one_line(photos, tmp_path):
    options = ("--backbone", "tiny", "--data", photos, "-o", tmp_path / "run", "--device", "cpu")
    done = _run(*TWO, "-m", "pcakd", "distill", *options, "--batch", "4,4,2")
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if "pcakd: error:" in line]
    assert len(lines) == 1
    assert "a batch of 1 image pair does not divide among 2 processes" in lines[0]
    assert not (tmp_path / "run").exists()  # the last phase's batch is known before the first


def test_more_processes_than_photographs_are_refused(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("pcakd.distillation.eigenbases.world_size", lambda: 2)
    few = replace(RECIPE, basis_images=1)
    match = "1 photographs for the eigenbases are too few for 2 processes"
    with pytest.raises(ConfigError, match=match):
        distill(make_config(photos, tmp_path / "run", recipe=few))
    assert not (tmp_path / "run").exists()


def test_gpus_have_a_backend_for_tensors_on_the_cpu_too():
    for device, known in (("cuda", {"cpu", "cuda"}), ("cpu", {"cpu"})):
        backends = BackendConfig(Backend(group_backend(torch.device(device))))
        assert known <= {*backends.get_device_backend_map()}


def test_a_damaged_environment_of_torchrun_is_refused():
    for environment, reason in (
        ({"WORLD_SIZE": "2"}, "RANK is not set"),
        ({"WORLD_SIZE": "x"}, "^WORLD_SIZE is 'x': start"),
        (OF_TWO | {"WORLD_SIZE": "0"}, "^WORLD_SIZE is '0': start"),
        (OF_TWO | {"MASTER_PORT": ""}, "MASTER_PORT is not set"),
        (OF_TWO | {"RANK": "2"}, "WORLD_SIZE is '2', but RANK is '2'"),
    ):
        with (
            pytest.raises(ConfigError, match=f"{reason}.*torchrun"),
            join_group(environment, torch.device("cpu")),
        ):
            pass


def test_a_single_process_owns_every_item():
    assert world_size() == 1
    assert own_part(range(5)) == range(5)
    with join_group({}, torch.device("cpu")) as device:
        assert device == torch.device("cpu")
    with (
        pytest.raises(ConfigError, match="mps"),
        join_group(OF_TWO, torch.device("mps")),
    ):
        pass
