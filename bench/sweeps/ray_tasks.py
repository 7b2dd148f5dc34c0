"""Trainings on the machines of a Ray cluster, each in a worker process of its own.

The machines have this package at the same commit, and see the plan, the files that it names, and
the folders of photographs and trainings at the same paths.
"""

import os
import signal
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bench.sweeps.failures import ATTEMPTS, BAD_INPUT, last_line, raise_failures
from pcakd.errors import ConfigError
from pcakd.utils.extras import require_extra

AUTO = "auto"
"""The address that stands for a running cluster, else for a new one on this machine."""


def run_ray_tasks(
    arguments: Mapping[str, Sequence[str]], *, address: str, threads: int, gpus: float, logs: Path
) -> None:
    """Run one command of ``bench`` for each training on a Ray cluster, until all have ended.

    A training whose worker or machine is lost is started again, on any machine, and continues from
    its checkpoint. What each prints goes into ``NAME.log``. A cluster that was started here ends
    here.

    Args:
        arguments: Arguments of ``bench`` by the name of the training, in the order to start them.
        address: Address of the cluster, or `AUTO`.
        threads: Threads of each training; as many processors of the cluster are its own meanwhile.
        gpus: Share of a GPU of each training.
        logs: A folder that all machines see.

    Raises:
        ConfigError: There is no such cluster, or no machine of it has so many processors. A
            training reported bad input, or was lost as often as it may be; the others have ended
            by then.
    """
    ray = require_extra("ray", "ray", "--ray")
    own = _connect(ray, address)
    try:
        _require_room(ray, threads, gpus)
        task = ray.remote(
            num_cpus=threads,
            num_gpus=gpus,
            max_retries=ATTEMPTS - 1,
            retry_exceptions=True,
            max_calls=1,
        )(_train)
        waiting = {
            task.options(name=name).remote(list(given), str(logs / f"{name}.log"), threads): name
            for name, given in arguments.items()
        }
        try:
            raise_failures(_wait(ray, waiting, logs), logs)
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)
    finally:
        if own:
            ray.shutdown()


def _connect(ray: Any, address: str) -> bool:
    """Connect to a cluster; return whether this process did, and so has to disconnect."""
    if ray.is_initialized():
        return False
    settings = {"log_to_driver": False, "include_dashboard": False, "configure_logging": False}
    terminate = signal.getsignal(signal.SIGTERM)  # Ray replaces it
    try:
        if address != AUTO:
            ray.init(address=address, log_to_driver=False)
        else:
            try:
                ray.init(address=AUTO, log_to_driver=False)
            except ConnectionError:
                ray.init(**settings)
        signal.signal(signal.SIGTERM, terminate)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"no Ray cluster at {address!r} ({_first_line(error)}); start one with `ray start "
            "--head`, or give --ray without an address"
        ) from error
    return True


def _require_room(ray: Any, threads: int, gpus: float) -> None:
    resources = [node["Resources"] for node in ray.nodes() if node.get("Alive", True)]
    most = max((int(each.get("CPU", 0)) for each in resources), default=0)
    if gpus and not any(each.get("GPU", 0) >= gpus for each in resources):
        raise ConfigError("no machine of the Ray cluster has a GPU; give --device cpu")
    if most < threads:
        raise ConfigError(
            f"a training takes {threads} threads and no machine of the Ray cluster has more than "
            f"{most} processors; raise --jobs or set OMP_NUM_THREADS={most}"
        )


def _wait(ray: Any, waiting: dict[Any, str], logs: Path) -> list[str]:
    """Wait for all trainings, and describe those that failed."""
    failures = []
    with tqdm(total=len(waiting), desc="trainings", unit="training") as bar:
        while waiting:
            (ended,), _ = ray.wait(list(waiting), num_returns=1)
            name = waiting.pop(ended)
            bar.update()
            bar.set_postfix_str(f"{name} ended")
            log = logs / f"{name}.log"
            try:
                status = ray.get(ended)
            except ray.exceptions.RayTaskError as error:
                reason = _first_line(error.cause or error)
                failures.append(f"{name} failed {ATTEMPTS} times ({reason}): {last_line(log)}")
            except ray.exceptions.RayError as error:
                lost = f"{name} was lost {ATTEMPTS} times ({_first_line(error)})"
                failures.append(f"{lost}: {last_line(log)}")
            else:
                if status != 0:
                    failures.append(f"{name}: {last_line(log)}")
    return failures


def _train(arguments: list[str], log: str, threads: int) -> int:
    """Run a command in a worker and return its exit status; runs on any machine of the cluster."""
    import torch

    from bench.cli import main

    torch.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    with (
        Path(log).open("a", encoding="utf-8", buffering=1) as stream,
        redirect_stdout(stream),
        redirect_stderr(stream),
    ):
        try:
            status = main(arguments)
        except Exception:
            traceback.print_exc(file=stream)
            raise
    if status not in (0, BAD_INPUT):
        raise RuntimeError(f"exit status {status}")
    return status


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
