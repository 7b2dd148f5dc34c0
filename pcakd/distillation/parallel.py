"""Training with several processes, one per device.

``torchrun`` starts the processes and sets their ranks. PyTorch's collectives and its
``DistributedDataParallel`` do the rest. Each process draws its own part of every batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from pcakd.errors import ConfigError

T = TypeVar("T")
_ADDRESS = ("MASTER_ADDR", "MASTER_PORT")


def world_size() -> int:
    """Return the number of processes of the training; 1 without a process group."""
    return dist.get_world_size() if _has_group() else 1


def rank() -> int:
    """Return the rank of this process, from 0."""
    return dist.get_rank() if _has_group() else 0


def is_writer() -> bool:
    """Whether this process writes files and messages."""
    return rank() == 0


def _has_group() -> bool:
    return dist.is_available() and dist.is_initialized()


@contextmanager
def join_group(environment: Mapping[str, str], device: torch.device) -> Iterator[torch.device]:
    """Join the process group of ``torchrun``, if there is one.

    Args:
        environment: Environment variables; ``torchrun`` sets ``WORLD_SIZE``, ``RANK`` and others.
        device: The device. For ``cuda`` each process takes the GPU of its local rank.

    Yields:
        The device of this process.

    Raises:
        ConfigError: There are more processes than GPUs, the device is ``mps``, or a variable of
            ``torchrun`` is missing or damaged.
    """
    if environment.get("WORLD_SIZE", "1") == "1" or _has_group():
        yield device
        return
    _check_environment(environment)
    if device.type == "mps":
        raise ConfigError("several processes cannot train on mps; choose the device cpu")
    if device.type == "cuda":
        device = torch.device("cuda", int(environment.get("LOCAL_RANK", environment["RANK"])))
        if device.index >= torch.cuda.device_count():
            raise ConfigError(
                f"process {device.index} has no GPU: this machine has "
                f"{torch.cuda.device_count()}; start as many processes"
            )
        torch.cuda.set_device(device)
    dist.init_process_group(group_backend(device))
    try:
        yield device
    finally:
        dist.destroy_process_group()


def _check_environment(environment: Mapping[str, str]) -> None:
    """Check the variables that ``torchrun`` sets.

    Raises:
        ConfigError: One is missing or damaged.
    """
    size = environment["WORLD_SIZE"]
    found = f"WORLD_SIZE is {size!r}"
    if size.isdecimal() and int(size) > 0:
        number = environment.get("RANK", "")
        if not (number.isdecimal() and int(number) < int(size)):
            found += f", but RANK is {number!r}" if number else ", but RANK is not set"
        elif missing := [name for name in _ADDRESS if not environment.get(name)]:
            found += f", but {missing[0]} is not set"
        else:
            return
    raise ConfigError(
        f"{found}: start the processes with torchrun, or unset WORLD_SIZE to train alone"
    )


def group_backend(device: torch.device) -> str:
    """Return the backend of a process group for a device, in PyTorch's notation.

    Covariances and counts are on the CPU on all devices, and NCCL supports GPUs only.
    """
    return "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"


def own_part(items: Sequence[T], *, unit: str = "item") -> Sequence[T]:
    """Return this process's part of a sequence.

    Args:
        items: The whole sequence.
        unit: What one item is called in the error message.

    Raises:
        ConfigError: The number of items is not divisible by the number of processes.
    """
    size = world_size()
    if len(items) % size:
        plural = "" if len(items) == 1 else "s"
        raise ConfigError(
            f"a batch of {len(items)} {unit}{plural} does not divide among {size} processes; "
            "choose another batch size"
        )
    share = len(items) // size
    return items[rank() * share : (rank() + 1) * share]


def sum_over_ranks(values: Tensor) -> Tensor:
    """Sum a tensor over all processes, with gradients."""
    if world_size() == 1:
        return values
    total: Tensor = _Sum.apply(values)
    return total


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """Sum the values."""
        del ctx
        total = values.detach().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Sum the gradients of all processes."""
        del ctx
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def average_over_ranks(values: Tensor) -> Tensor:
    """Average a tensor over all processes, without gradients."""
    if world_size() == 1:
        return values
    values = values.detach().clone()
    dist.all_reduce(values)
    return values / world_size()


def gather_in_order(values: Sequence[T], *, total: int) -> list[T]:
    """Collect the results of all processes.

    Args:
        values: This process's results for ``items[rank::size]``.
        total: Number of all items.

    Returns:
        The results in the order of ``items``.
    """
    size = world_size()
    if size == 1:
        return list(values)
    parts: list[list[T]] = [[] for _ in range(size)]
    dist.all_gather_object(parts, list(values))
    return [parts[index % size][index // size] for index in range(total)]


def wait_for_all() -> None:
    """Wait until all processes have called this function."""
    if world_size() > 1:
        dist.barrier()
