"""Import of the students that the authors of PCA-KD released.

Source: ``github.com/chiutaiyin/PCA-Knowledge-Distillation`` (MIT licence): TensorFlow object-based
checkpoints of an ``sencoder`` and an ``sdecoder``, or the same variables in one ``.npz`` file.
"""

import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pcakd.blocks import Block, Conv
from pcakd.errors import StudentFileError
from pcakd.students.spec import Architecture, StudentSpec, decoder_blocks, encoder_blocks
from pcakd.students.student import Student
from pcakd.utils.extras import require_extra

Array: TypeAlias = npt.NDArray[np.float32]

_PARTS: Final = ("sencoder", "sdecoder")
_VARIABLE: Final = "/.ATTRIBUTES/VARIABLE_VALUE"
_COUNTER: Final = "save_counter"
_MAX_BYTES: Final = 64_000_000  # the larger of the two released students has 1.3 million
_TEACHER_CHANNELS: Final = {"vgg19": (64, 128, 256, 512), "mobilenet_v1": (32, 64, 128, 256)}


def import_authors(src: str | os.PathLike[str]) -> Student:
    """Convert a student that the authors released, with its eigenbases and a card.

    Args:
        src: An ``.npz`` file, or a TensorFlow checkpoint folder (needs the extra ``tf``).

    Returns:
        The student on the CPU, frozen; λ = 1, the identity that the authors' transforms add.

    Raises:
        StudentFileError: ``src`` is missing, damaged or not such a student.
        MissingExtraError: ``src`` is a checkpoint folder and TensorFlow is not installed.
    """
    src = Path(src)
    arrays = read_authors_arrays(src)
    spec = _spec_of(src, arrays)
    bases = [_basis_name(tap) for tap in range(4)]
    state = _state_of(src, spec, {k: v for k, v in arrays.items() if k not in bases})
    if spec.architecture == "mobilenet_v1":
        _fold_preprocessing(state)
    student = Student(
        spec,
        regularizer=1.0,
        eigenbases=[torch.from_numpy(arrays[name]) for name in bases],
        card=_card_of(spec),
    )
    student.load_state_dict(state)
    return student.eval().requires_grad_(False)


def read_authors_arrays(src: str | os.PathLike[str]) -> dict[str, Array]:
    """Read the variables of a released student: float32, TensorFlow's names and layouts.

    Args:
        src: An ``.npz`` file or a TensorFlow checkpoint folder.

    Raises:
        StudentFileError: ``src`` is missing or damaged, or holds anything but finite floats.
        MissingExtraError: ``src`` is a checkpoint folder and TensorFlow is not installed.
    """
    src = Path(src)
    if not src.exists():
        raise StudentFileError(f"{src} does not exist; give an .npz file or a checkpoint folder")
    found = _read_checkpoints(src) if src.is_dir() else _read_npz(src)
    return {name: _checked(src, name, found[name]) for name in sorted(found)}


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MAX_BYTES:
            raise ValueError(f"{size} bytes unpacked, more than the {_MAX_BYTES} that are read")
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # a hostile file can make the reader raise anything
        raise StudentFileError(
            f"{path} cannot be read as .npz ({_reason(error)}); use another file"
        ) from error


def _read_checkpoints(folder: Path) -> dict[str, Any]:
    for part in _PARTS:
        if not (folder / f"{part}.index").is_file():
            raise StudentFileError(
                f"{folder} holds no {part}.index; give the folder of a TensorFlow checkpoint"
            )
    tf = require_extra("tf", "tensorflow", f"the checkpoint {folder} (an .npz file needs none)")
    try:
        return {
            f"{part}/{name}": value
            for part in _PARTS
            for name, value in _variables(tf.train.load_checkpoint(str(folder / part)))
        }
    except Exception as error:  # TensorFlow's own errors are of many types
        raise StudentFileError(
            f"{folder} cannot be read as a TensorFlow checkpoint ({_reason(error)}); "
            "use another folder"
        ) from error


def _variables(reader: Any) -> Iterator[tuple[str, Any]]:
    for key in reader.get_variable_to_shape_map():
        name = key.removesuffix(_VARIABLE)
        if name not in {key, _COUNTER}:  # the object graph is stored as a tensor too
            yield name, reader.get_tensor(key)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _checked(src: Path, name: str, value: Any) -> Array:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        kind = getattr(value, "dtype", type(value).__name__)
        raise StudentFileError(f"{src}: {name!r} should be an array of floats, is {kind}")
    if not np.isfinite(value).all():
        raise StudentFileError(f"{src}: {name!r} holds a value that is not finite; file damaged")
    return np.ascontiguousarray(value, dtype=np.float32)


def _basis_name(tap: int) -> str:
    return f"sencoder/conv_aux/{tap}"


def _spec_of(src: Path, arrays: Mapping[str, Array]) -> StudentSpec:
    """Recognise the family by its names and the ranks by the shapes of the eigenbases."""
    thin = any(name.startswith("sencoder/se_model/") for name in arrays)
    architecture: Architecture = "mobilenet_v1" if thin else "vgg19"
    ranks: list[int] = []
    for tap, channels in enumerate(_TEACHER_CHANNELS[architecture]):
        name = _basis_name(tap)
        shape = arrays[name].shape if name in arrays else None
        if shape is None or len(shape) != 2 or shape[0] != channels or not 0 < shape[1] <= channels:
            raise _misfit(src, name, f"({channels}, at most {channels})", shape)
        ranks.append(shape[1])
    k1, k2, k3, k4 = ranks
    return StudentSpec(architecture=architecture, ranks=(k1, k2, k3, k4), colour_conv=not thin)


def _misfit(src: Path, name: str, expected: object, found: object) -> StudentFileError:
    return StudentFileError(
        f"{src}: array {name!r} should be {expected}, is {found or 'absent'}; "
        "give a student that the authors of PCA-KD released"
    )


def _state_of(src: Path, spec: StudentSpec, arrays: Mapping[str, Array]) -> dict[str, Tensor]:
    """Rename and transpose every array, and require that none is missing or left over."""
    state: dict[str, Tensor] = {}
    used: set[str] = set()
    for theirs, ours, conv in _layers(spec):
        kernel = f"{theirs}/{'depthwise_kernel' if conv.depthwise else 'kernel'}"
        bias = f"{theirs}/bias"
        size, channels = conv.kernel_size, conv.in_channels
        shapes: dict[str, tuple[int, ...]] = {
            kernel: (size, size, channels, 1 if conv.depthwise else conv.out_channels),
            bias: (conv.out_channels,),
        }
        for name, shape in shapes.items():
            if name not in arrays or arrays[name].shape != shape:
                raise _misfit(src, name, shape, arrays[name].shape if name in arrays else None)
        # (kh, kw, in, out) to (out, in, kh, kw); a depthwise (kh, kw, C, 1) to (C, 1, kh, kw)
        order = (2, 3, 0, 1) if conv.depthwise else (3, 2, 0, 1)
        state[f"{ours}.conv.weight"] = torch.from_numpy(arrays[kernel]).permute(order).contiguous()
        state[f"{ours}.conv.bias"] = torch.from_numpy(arrays[bias].copy())
        used |= shapes.keys()
    for name in sorted(arrays.keys() - used):
        raise _misfit(src, name, "absent", arrays[name].shape)
    return state


def _fold_preprocessing(state: dict[str, Tensor]) -> None:
    """Fold x -> 2 x - 1, which the authors' MobileNet student applies first, into its first layer.

    Exact, because the padding reflects. Their VGG student has its colour convolution instead.
    """
    weight, bias = (state[f"encoder.blocks.0.0.conv.{name}"] for name in ("weight", "bias"))
    bias -= weight.double().sum(dim=(1, 2, 3)).float()
    weight *= 2.0


def _layers(spec: StudentSpec) -> Iterator[tuple[str, str, Conv]]:
    """Yield each convolution by the authors' name, ours, and its description."""
    running = 0
    for block, convs in enumerate(_convs(encoder_blocks(spec))):
        for index, conv in enumerate(convs):
            if spec.architecture == "mobilenet_v1":  # one model: numbered through all blocks
                theirs = f"sencoder/se_model/layer_with_weights-{running}"
            else:
                theirs = f"sencoder/btnecks/{block}/layer_with_weights-{index}"
            yield theirs, f"encoder.blocks.{block}.{index}", conv
            running += 1
    for block, convs in enumerate(_convs(decoder_blocks(spec))):
        for index, conv in enumerate(convs):
            theirs = f"sdecoder/btnecks/{block}/layer_with_weights-{index}"
            yield theirs, f"decoder.blocks.{block}.{index}", conv


def _convs(blocks: tuple[Block, ...]) -> list[list[Conv]]:
    return [[stage for stage in block if isinstance(stage, Conv)] for block in blocks]


def _card_of(spec: StudentSpec) -> dict[str, Any]:
    return {
        "origin": "imported",
        "source": "student released by the authors of PCA-KD (Chiu and Gurari, CVPR 2022)",
        "url": "https://github.com/chiutaiyin/PCA-Knowledge-Distillation",
        "licences": {"student": "MIT"},
        "teacher": {"backbone": spec.architecture},
        "ranks": list(spec.ranks),
    }
