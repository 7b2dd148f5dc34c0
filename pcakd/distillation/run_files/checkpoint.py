"""Checkpoints: everything a run needs to go on bit for bit, as one safetensors file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pcakd.errors import TrainingError
from pcakd.utils.files import read_safetensors, write_safetensors

CHECKPOINT = "checkpoint.safetensors"
"""Its name in a run's folder."""

OPTIMIZER = "optimizer."
"""How the names of the optimiser's tensors begin."""

START = "start."
"""How the names of the weights begin that a leg goes back to when it is restarted."""

AVERAGE = "average."
"""How the names of averaged weights begin."""

_HEADER = "pcakd"
_FORMATS = "pcakd-checkpoint-"
_FORMAT = f"{_FORMATS}5"


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where a run is and what it has found out.

    Attributes:
        leg: Index of the leg in training; their number when all are done.
        step: Steps done of it; 0 means that it is not set up yet.
        attempt: How often this leg was restarted.
        scales: What losses are divided by, as the leg has measured it.
        reports: One entry a finished leg: what was seen of it on held-out photographs.
        device_seconds: Time that training steps took by the clock, summed over processes.
        cpu_seconds: What the cores worked in them; less than the clock says where they were shared.
        sessions: What each stretch between a start and a stop ran on, if it is not what the one
            before it ran on.
        finished: When the last leg ended, as ISO 8601 in UTC.
    """

    leg: int = 0
    step: int = 0
    attempt: int = 0
    scales: dict[str, float] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    device_seconds: float = 0.0
    cpu_seconds: float = 0.0
    sessions: list[dict[str, Any]] = field(default_factory=list)
    finished: str = ""


def save_checkpoint(
    path: Path, progress: Progress, state: dict[str, Tensor], *, fingerprint: dict[str, Any]
) -> None:
    """Write a checkpoint whole or not at all.

    Args:
        path: The file.
        progress: Where the run is.
        state: Named tensors of the student and the optimiser.
        fingerprint: What must be the same when the run goes on.
    """
    header = {"format": _FORMAT, "progress": asdict(progress), "fingerprint": fingerprint}
    write_safetensors(path, state, {_HEADER: json.dumps(header, sort_keys=True)})


def load_checkpoint(
    path: Path, *, fingerprint: dict[str, Any]
) -> tuple[Progress, dict[str, Tensor]]:
    """Read a checkpoint of the same distillation.

    Raises:
        TrainingError: It is damaged, or of a distillation with other settings.
    """
    tensors, metadata = read_safetensors(path, error=TrainingError)
    try:
        header = json.loads(metadata[_HEADER])
        known = header["format"] == _FORMAT
        if not known and str(header["format"]).startswith(_FORMATS):
            raise TrainingError(
                f"{path} is of another release ({header['format']}); go on with that one, "
                "or delete it to start over"
            )
        found = header["fingerprint"]
        progress = Progress(**header["progress"])
    except (KeyError, TypeError, ValueError):
        known, found, progress = False, {}, Progress()
    if not known:
        raise TrainingError(f"{path} is not a checkpoint; delete it to start over")
    wanted = json.loads(json.dumps(fingerprint))
    if differences := "; ".join(_differences(found, wanted)):
        raise TrainingError(
            f"{path} is of a run with other settings: {differences}; "
            "use the same options or another output folder"
        )
    return progress, tensors


def _differences(found: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    """Name each setting that differs, those of the recipe one by one."""
    for key in sorted(wanted.keys() | found.keys()):
        one, other = found.get(key), wanted.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other)
        elif one != other:
            yield f"{key} was {json.dumps(one)}, is {json.dumps(other)}"


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state as named tensors."""
    packed = {}
    for index, parameter in enumerate(_parameters(optimizer)):
        for name, value in optimizer.state.get(parameter, {}).items():
            packed[f"{OPTIMIZER}{index}.{name}"] = value
    return packed


def unpack_optimizer(optimizer: torch.optim.Optimizer, state: Mapping[str, Tensor]) -> None:
    """Put back what :func:`pack_optimizer` took."""
    for index, parameter in enumerate(_parameters(optimizer)):
        prefix = f"{OPTIMIZER}{index}."
        values = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
        optimizer.state[parameter] = {
            name: _place(name, value, parameter) for name, value in values.items()
        }


def _place(name: str, value: Tensor, parameter: Tensor) -> Tensor:
    """Put a tensor of an optimiser where its parameter is, laid out alike if it has its shape."""
    if name == "step":  # PyTorch keeps it on the CPU
        return value.clone()
    if value.shape == parameter.shape:
        return torch.zeros_like(parameter).copy_(value)
    return value.to(parameter.device, copy=True)


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
