"""Graphs of stages do in float32 what PyTorch does."""

import numpy as np
import pytest
import torch

from bench.quantization.graph import INPUT, build_graph, has_operator
from pcakd.blocks import AddResidual, ConcatResidual, Conv, MaxPool, Upsample
from pcakd.blocks.stack import BlockStack
from pcakd.students import StudentSpec, create_student

runtime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


def run_graph(steps, features):
    model = build_graph(steps, features.shape[1])
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (result,) = session.run(None, {INPUT: features.numpy()})
    return torch.from_numpy(result)


@pytest.mark.parametrize(
    "stages",
    [
        (Conv(in_channels=5, out_channels=7),),
        (Conv(in_channels=5, out_channels=7, kernel_size=1, relu=False, signed=True),),
        (Conv(in_channels=5, out_channels=5, stride=2, depthwise=True),),
        (Conv(in_channels=5, out_channels=4), MaxPool(), Conv(in_channels=4, out_channels=6)),
        (Upsample(), Conv(in_channels=5, out_channels=4)),
    ],
    ids=lambda stages: "-".join(type(stage).__name__ for stage in stages),
)
def test_stages_are_those_of_pytorch(stages):
    torch.manual_seed(0)
    stack = BlockStack([stages]).eval().requires_grad_(False)
    for size in ((16, 16), (24, 40)):
        features = torch.randn(1, 5, *size)
        found = run_graph(stack.steps(1), features)
        torch.testing.assert_close(found, stack.run_block(1, features), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["mobilenet_v1", "vgg16"])
def test_encoder_blocks_of_students_are_graphs(architecture):
    spec = StudentSpec(architecture=architecture, ranks=(4, 6, 8, 10))
    student = create_student(spec, seed=0).eval().requires_grad_(False)
    features = torch.rand(1, 3, 32, 48)
    for block in (1, 2, 3, 4):
        steps = student.encoder.steps(block)
        assert all(has_operator(stage) for stage, _ in steps)
        expected = student.encoder.run_block(block, features)
        np.testing.assert_allclose(run_graph(steps, features), expected, atol=1e-5)
        features = expected


def test_residuals_are_no_operators():
    assert not has_operator(AddResidual())
    with pytest.raises(TypeError, match="ConcatResidual has no operator"):
        build_graph([(ConcatResidual(), None)], 3)
