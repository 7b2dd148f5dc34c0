"""What taps carry of their teacher."""

import pytest
import torch

from pcakd.backbones import create_backbone
from pcakd.distillation.evaluation import evaluate_taps
from pcakd.errors import TrainingError
from pcakd.students import StudentSpec, create_student

pytestmark = pytest.mark.numerics


def test_dead_channels_are_counted():
    teacher = create_backbone("tiny")
    student = create_student(StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))).eval()
    conv = student.encoder.layers(1)[-1].conv
    with torch.no_grad():
        conv.bias[1:3] = -100.0
    images = [torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))]
    basis = torch.linalg.qr(torch.randn(8, 4, generator=torch.Generator().manual_seed(1)))[0]
    (report,) = evaluate_taps(student, teacher, [basis], images)
    assert report.dead_channels == 2
    assert report.channels == 4


def test_a_student_that_is_the_projected_teacher_reaches_the_ceiling():
    teacher = create_backbone("tiny")
    student = create_student(StudentSpec(architecture="tiny", ranks=(8, 6, 8, 10))).eval()
    convs = student.encoder.layers(1)[-1].conv, teacher.blocks[0][-1]
    with torch.no_grad():
        convs[0].weight.copy_(convs[1].weight / 0.25)
        convs[0].bias.copy_(convs[1].bias - (convs[1].weight * 0.5 / 0.25).sum(dim=(1, 2, 3)))
    images = [torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))]
    (report,) = evaluate_taps(student, teacher, [torch.eye(8)], images)
    assert report.ceiling == pytest.approx(1.0)
    assert report.r2 == pytest.approx(1.0, abs=1e-6)


def test_flat_crops_are_told():
    student = create_student(StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))).eval()
    flat = torch.ones(1, 3, 32, 32)
    with pytest.raises(TrainingError, match="held-out photographs are flat"):
        evaluate_taps(student, create_backbone("tiny"), [torch.eye(8)[:, :4]], [flat])
