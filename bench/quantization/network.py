"""A student whose inner blocks run in 8-bit integers.

Block pairs 2 to 4 are quantised: weights and maps between their convolutions. Block pair 1, which
reads and writes pixels, stays in float32, because 256 levels would show as bands in skies; so do
statistics, feature transform and residuals. The maps that enter and leave the integers have 256
levels in each channel.
"""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.profiling.uncounted import mark_uncounted
from bench.quantization.equalisation import equalise
from bench.quantization.graph import INPUT, Steps, build_graph, has_operator
from pcakd.blocks import Autoencoder, RunBlock, run_plain
from pcakd.blocks.stack import BlockStack
from pcakd.blocks.stage import Features, Source
from pcakd.errors import ConfigError
from pcakd.pipeline import stylize
from pcakd.students import Student
from pcakd.students.spec import decoder_blocks, encoder_blocks
from pcakd.transforms import AffineMap, apply_affine
from pcakd.utils.extras import require_extra
from pcakd.weights.hashing import hash_tensors

QUANTIZED_BLOCKS = (2, 3, 4)
"""The block pairs whose arithmetic is in 8-bit integers."""

VERSION = 1
"""Part of the hash of a subject; it changes with the method."""


class QuantizedNetwork(Autoencoder):
    """A student with some of its stages in ONNX Runtime; see the module.

    Args:
        student: The student, on the CPU.
        parts: What runs the stages of each quantised block of ``encoder`` and ``decoder``, in
            order, each with the number of stages that it replaces.
    """

    def __init__(self, student: Student, parts: "dict[tuple[str, int], list[_Part]]") -> None:
        super().__init__(
            encoder_blocks(student.spec),
            decoder_blocks(student.spec),
            stride=student.stride,
            regularizer=student.regularizer,
            colour_transfer=student.colour_transfer,
        )
        self.load_state_dict(student.state_dict())
        self.eval().requires_grad_(False)
        self._parts = parts

    def encode_block(
        self, block: int, features: Features, *, run: RunBlock = run_plain
    ) -> tuple[Tensor, Source]:
        """Run encoder block 1 to 4 on whole maps; ``run`` runs block 1."""
        parts = self._parts.get(("encoder", block))
        if parts is None:
            return super().encode_block(block, features, run=run)
        return _run(parts, features, None), features

    def decode_block(
        self,
        block: int,
        features: Features,
        source: Source,
        *,
        affine: AffineMap | None = None,
        run: RunBlock = run_plain,
    ) -> Tensor:
        """Run decoder block 1 to 4 on whole maps; ``run`` runs block 1."""
        parts = self._parts.get(("decoder", block))
        if parts is None:
            return super().decode_block(block, features, source, affine=affine, run=run)
        return _run(parts, features if affine is None else apply_affine(features, affine), source)


def quantize_student(
    student: Student, images: Sequence[tuple[Tensor, Tensor]], *, threads: int
) -> QuantizedNetwork:
    """Quantise a student statically: ranges of its maps come from stylizing photographs.

    Weights have a scale for each output channel and 7 bits, because products of 8-bit pairs
    saturate on processors without VNNI; maps have 8 bits and the range of the calibration.

    Args:
        student: A student in evaluation mode, on the CPU, in float32.
        images: Contents and styles, ``(3, h, w)`` RGB in [0, 1].
        threads: Threads of ONNX Runtime.

    Raises:
        ConfigError: There are no images.
        MissingExtraError: onnx or onnxruntime is not installed.
    """
    if not images:
        raise ConfigError("quantisation needs photographs to calibrate on; there are none")
    key = hash_tensors(student.state_dict()), hash_tensors(_name_images(images)), threads
    if key not in _cache:
        _cache.clear()
        _cache[key] = _quantize_blocks(student, images, threads)
    return QuantizedNetwork(student, _cache[key])


_cache: "dict[tuple[str, str, int], dict[tuple[str, int], list[_Part]]]" = {}
"""The parts of the last student: the second use in a process takes no time and no memory."""


def _name_images(images: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    return {f"{place}.{side}": pair[side] for place, pair in enumerate(images) for side in (0, 1)}


def _quantize_blocks(
    student: Student, images: Sequence[tuple[Tensor, Tensor]], threads: int
) -> "dict[tuple[str, int], list[_Part]]":
    recorded = {
        (side, block): [
            _Recorder(steps) if quantized else _Plain(steps) for quantized, steps in split
        ]
        for side, block, split in _splits(student)
    }
    observed = QuantizedNetwork(student, {key: [*parts] for key, parts in recorded.items()})
    for content, style in images:
        stylize(observed, content, style)
    return {
        key: [
            _Quantized(part.steps, part.inputs, threads) if isinstance(part, _Recorder) else part
            for part in each
        ]
        for key, each in recorded.items()
    }


def _splits(student: Student) -> Iterator[tuple[str, int, list[tuple[bool, Steps]]]]:
    """Divide the stages of each block into runs of operators and others."""
    stacks: dict[str, BlockStack] = {"encoder": student.encoder, "decoder": student.decoder}
    for side, stack in stacks.items():
        for block in QUANTIZED_BLOCKS:
            groups = groupby(stack.steps(block), key=lambda step: has_operator(step[0]))
            split = [(known, list(steps)) for known, steps in groups]
            # an enlargement alone gains nothing from integers
            yield (
                side,
                block,
                [
                    (known and any(layer is not None for _, layer in steps), steps)
                    for known, steps in split
                ],
            )


class _Part(ABC):
    """Consecutive stages of a block."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    @abstractmethod
    def run(self, features: Features, source: Source | None) -> Features:
        """Run the stages on a whole map."""


class _Plain(_Part):
    """Stages in PyTorch."""

    def run(self, features: Features, source: Source | None) -> Features:
        for stage, layer in self.steps:
            features = stage.run(features, source, layer)
        return features


class _Recorder(_Plain):
    """Stages in PyTorch that keep what goes in."""

    def __init__(self, steps: Steps) -> None:
        super().__init__(steps)
        self.inputs: list[Tensor] = []

    def run(self, features: Features, source: Source | None) -> Features:
        self.inputs.append(features.detach().contiguous())
        return super().run(features, source)


class _Quantized(_Part):
    """Stages in ONNX Runtime."""

    def __init__(self, steps: Steps, inputs: Sequence[Tensor], threads: int) -> None:
        super().__init__(steps)
        runtime = require_extra("onnx", "onnxruntime", "int8")
        settings = runtime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        equalised = equalise(steps, inputs)
        self._divisor, self._factor = equalised.divisor, equalised.factor
        model = build_graph(equalised.steps, inputs[0].shape[1])
        content = _quantize(model, [(each / self._divisor).numpy() for each in inputs])
        self._session = runtime.InferenceSession(
            content, settings, providers=["CPUExecutionProvider"]
        )
        self._work = mark_uncounted("quantized_stages", self._compute)
        self._offset = torch.zeros_like(self._factor)
        self._offset = self._mean_error(inputs)

    def run(self, features: Features, source: Source | None) -> Features:
        del source
        return self._work(features, features)

    def _compute(self, features: Tensor, _: Tensor) -> Tensor:
        scaled = (features / self._divisor).contiguous().numpy()
        (result,) = self._session.run(None, {INPUT: scaled})
        return torch.from_numpy(result).mul_(self._factor).add_(self._offset)

    def _mean_error(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return by how much the means of the output's channels are too small."""
        plain, errors = _Plain(self.steps), []
        for features in inputs:
            error = plain.run(features, None) - self.run(features, None)
            errors.append(error.mean(dim=(0, 2, 3), keepdim=True))
        return torch.stack(errors).mean(dim=0)


def _quantize(model: Any, inputs: Sequence[Any]) -> bytes:
    quantization = require_extra("onnx", "onnxruntime.quantization", "int8")

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            self._rest: Iterable[Any] = iter(inputs)

        def get_next(self) -> dict[str, Any] | None:
            values = next(iter(self._rest), None)
            return None if values is None else {INPUT: values}

    shapes = require_extra("onnx", "onnxruntime.quantization.shape_inference", "int8")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        names = ("float", "prepared", "quantized")
        source, prepared, target = (Path(folder) / f"{name}.onnx" for name in names)
        source.write_bytes(model.SerializeToString())
        shapes.quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared),
            str(target),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return target.read_bytes()


def _run(parts: Sequence[_Part], features: Features, source: Source | None) -> Features:
    for part in parts:
        features = part.run(features, source)
    return features
