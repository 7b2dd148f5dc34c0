"""A training session: software, commit, device, threads and processes."""

from typing import Any

import torch

from pcakd import __version__
from pcakd.distillation.context import teacher_dtype
from pcakd.distillation.parallel import world_size
from pcakd.utils.cpu import cpu_name
from pcakd.utils.git import name_commit


def describe_session(device: torch.device) -> dict[str, Any]:
    """Return everything but the settings that affects the bits of the trained weights.

    Args:
        device: The device of the training. The entry ``device`` is the name of a GPU, or the type
            and capability of another device.
    """
    return {
        "software": f"pca-kd-bench {__version__}",
        "commit": name_commit(),
        "device": _device_name(device),
        "cpu": cpu_name(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "processes": world_size(),
        "teacher_dtype": str(teacher_dtype(device)).removeprefix("torch."),
    }


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({torch.backends.cpu.get_cpu_capability()})"
