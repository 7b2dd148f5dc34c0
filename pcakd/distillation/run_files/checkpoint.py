"""Checkpoints: one safetensors file, from which a training resumes bit for bit."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pcakd.errors import TrainingError
from pcakd.utils.files import pack_header, read_safetensors, unpack_header, write_safetensors

CHECKPOINT = "checkpoint.safetensors"
"""Name of the checkpoint in a run's folder."""

OPTIMIZER = "optimizer."
"""Prefix of the optimiser's tensors."""

START = "start."
"""Prefix of the weights that a collapsed phase restarts from."""

AVERAGE = "average."
"""Prefix of the averaged weights."""

_FORMATS = "pcakd-checkpoint-"
_FORMAT = f"{_FORMATS}6"


@dataclass(slots=True, kw_only=True)
class Progress:
    """Progress of a training.

    Attributes:
        phase: Index of the phase in training; the number of phases when all are done.
        step: Finished steps of the phase; 0 means that it is not prepared yet.
        attempt: How often the phase was restarted.
        scales: Divisors of the losses, as the phase measured them.
        reports: One report of each finished phase on held-out photographs.
        device_seconds: Wall-clock time of the training steps, summed over processes.
        cpu_seconds: CPU time of the training steps, summed over processes.
        sessions: Software and machine of each session between a start and a stop, if they differ
            from those of the session before.
        finished: End of the last phase, ISO 8601 in UTC.
    """

    phase: int = 0
    step: int = 0
    attempt: int = 0
    scales: dict[str, float] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    device_seconds: float = 0.0
    cpu_seconds: float = 0.0
    sessions: list[dict[str, Any]] = field(default_factory=list)
    finished: str = ""

    def phase_cost(self) -> dict[str, float]:
        """Return the time of the phase that ends now: all time but that of earlier phases.

        It is empty if an earlier phase has none, as in checkpoints of earlier releases.
        """
        cost = {"device_seconds": self.device_seconds, "cpu_seconds": self.cpu_seconds}
        if not all(cost.keys() <= report.keys() for report in self.reports):
            return {}
        return {
            name: total - sum(report[name] for report in self.reports)
            for name, total in cost.items()
        }


def save_checkpoint(
    path: Path, progress: Progress, state: dict[str, Tensor], *, fingerprint: dict[str, Any]
) -> None:
    """Write a checkpoint whole or not at all.

    Args:
        path: The file.
        progress: Progress of the training.
        state: Named tensors of the student and the optimiser.
        fingerprint: Settings that must be the same when the training resumes.
    """
    header = {"format": _FORMAT, "progress": asdict(progress), "fingerprint": fingerprint}
    write_safetensors(path, state, pack_header(header))


def read_progress(path: Path) -> Progress:
    """Read how far the training of a checkpoint is.

    Raises:
        TrainingError: It is damaged, or of another release.
    """
    _, metadata = read_safetensors(path, error=TrainingError)
    return _read_header(path, metadata)[1]


def load_checkpoint(
    path: Path, *, fingerprint: dict[str, Any]
) -> tuple[Progress, dict[str, Tensor]]:
    """Read a checkpoint of a training with the same settings.

    Raises:
        TrainingError: It is damaged, or of another release or training.
    """
    tensors, metadata = read_safetensors(path, error=TrainingError)
    found, progress = _read_header(path, metadata)
    wanted = json.loads(json.dumps(fingerprint))
    if differences := "; ".join(_differences(found, wanted)):
        raise TrainingError(
            f"{path} is of a run with other settings: {differences}; "
            "use the same options or another output folder"
        )
    return progress, tensors


def _read_header(path: Path, metadata: Mapping[str, str]) -> tuple[dict[str, Any], Progress]:
    """Return the fingerprint and the progress of a checkpoint."""
    try:
        header = unpack_header(metadata)
        known = header["format"] == _FORMAT
        if not known and str(header["format"]).startswith(_FORMATS):
            raise TrainingError(
                f"{path} is of another release ({header['format']}); resume with that release, "
                "or delete it to start over"
            )
        found = header["fingerprint"]
        progress = Progress(**header["progress"])
    except (KeyError, TypeError, ValueError):
        known, found, progress = False, {}, Progress()
    if not known:
        raise TrainingError(f"{path} is not a checkpoint; delete it to start over")
    return found, progress


def _differences(found: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    """Describe each setting that differs; nested settings one by one."""
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
    """Restore the tensors of :func:`pack_optimizer`."""
    for index, parameter in enumerate(_parameters(optimizer)):
        prefix = f"{OPTIMIZER}{index}."
        values = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
        optimizer.state[parameter] = {
            name: _place(name, value, parameter) for name, value in values.items()
        }


def _place(name: str, value: Tensor, parameter: Tensor) -> Tensor:
    """Move a tensor to its parameter's device, with the same memory format if the shapes match."""
    if name == "step":  # PyTorch keeps it on the CPU
        return value.clone()
    if value.shape == parameter.shape:
        return torch.zeros_like(parameter).copy_(value)
    return value.to(parameter.device, copy=True)


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
