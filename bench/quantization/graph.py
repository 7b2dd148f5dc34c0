"""Stages of a block as an ONNX graph, for ONNX Runtime to quantise and to run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from pcakd.blocks import Conv, ConvLayer, MaxPool, Upsample
from pcakd.blocks.stage import Stage
from pcakd.utils.extras import require_extra

Steps = Sequence[tuple[Stage, nn.Module | None]]

INPUT, OUTPUT = "input", "output"

OPSET = 18
"""Version of the operators; all runtimes since 2023 have it."""

_IR_VERSION = 10  # older runtimes refuse what newer onnx writes by default


def has_operator(stage: Stage) -> bool:
    """Return whether a stage is an operator of ONNX without a source."""
    return isinstance(stage, Conv | MaxPool | Upsample)


def build_graph(steps: Steps, channels: int) -> Any:
    """Return the model of consecutive stages that `has_operator` admits.

    Args:
        steps: Stages with their layers; norms are folded into the convolutions.
        channels: Of the input, ``(1, channels, h, w)`` float32.

    Returns:
        An ``onnx.ModelProto`` with float32 operators.

    Raises:
        TypeError: A stage has no operator, or a norm is not folded.
        MissingExtraError: onnx is not installed.
    """
    onnx = require_extra("onnx", "onnx", "int8")
    builder = _Builder(onnx)
    name, last = INPUT, len(steps) - 1
    for place, (stage, layer) in enumerate(steps):
        target = OUTPUT if place == last else f"stage{place}"
        if isinstance(stage, Conv):
            name = builder.add_convolution(stage, layer, name, target)
            channels = stage.out_channels
        elif isinstance(stage, MaxPool):
            name = builder.add("MaxPool", [name], target, kernel_shape=[2, 2], strides=[2, 2])
        elif isinstance(stage, Upsample):
            scales = builder.constant(f"scales{place}", np.array([1, 1, 2, 2], np.float32))
            name = builder.add(
                "Resize",
                [name, "", scales],
                target,
                mode="linear",
                coordinate_transformation_mode="half_pixel",
            )
        else:
            raise TypeError(f"{type(stage).__name__} has no operator")
    first = steps[0][0]
    inputs = first.in_channels if isinstance(first, Conv) else None
    return builder.model(inputs, channels)


class _Builder:
    """Nodes and constants of a graph, in order."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, name: str, values: "np.ndarray[Any, Any]") -> str:
        self._constants.append(self._onnx.numpy_helper.from_array(values, name))
        return name

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        node = self._onnx.helper.make_node(
            kind, list(inputs), [output], name=f"{kind}_{output}", **attributes
        )
        self._nodes.append(node)
        return output

    def add_convolution(
        self, stage: Conv, layer: nn.Module | None, source: str, target: str
    ) -> str:
        if not isinstance(layer, ConvLayer) or layer.norm is not None:
            raise TypeError("a convolution needs a ConvLayer whose norm is folded")
        before, after = stage.padding
        name = source
        if before or after:
            pads = np.array([0, 0, before, before, 0, 0, after, after], np.int64)
            widths = self.constant(f"{target}.pads", pads)
            name = self.add("Pad", [name, widths], f"{target}.padded", mode="reflect")
        weight = self.constant(f"{target}.weight", _to_numpy(layer.conv.weight))
        bias = layer.conv.bias
        inputs = [name, weight]
        if bias is not None:
            inputs.append(self.constant(f"{target}.bias", _to_numpy(bias)))
        plain = f"{target}.convolved" if stage.relu else target
        name = self.add(
            "Conv",
            inputs,
            plain,
            kernel_shape=[stage.kernel_size] * 2,
            strides=[stage.stride] * 2,
            group=stage.groups,
        )
        return self.add("Relu", [name], target) if stage.relu else name

    def model(self, inputs: int | None, outputs: int) -> Any:
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        ends = [
            helper.make_tensor_value_info(name, kinds.FLOAT, [1, channels, *sides])
            for name, channels, sides in (
                (INPUT, inputs or "channels", ("height", "width")),
                (OUTPUT, outputs, ("output_height", "output_width")),
            )
        ]
        graph = helper.make_graph(self._nodes, "stages", ends[:1], ends[1:], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = _IR_VERSION
        self._onnx.checker.check_model(model)
        return model


def _to_numpy(values: torch.Tensor) -> "np.ndarray[Any, Any]":
    return values.detach().to("cpu", torch.float32).contiguous().numpy()
