import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pcakd.distillation.losses.features import centred, squared_error, subspace_error, variance


def _plain_error(student, teacher, basis):
    """Loss (a) as the paper writes it, in C channels."""
    mapped = torch.einsum("ck,bkhw->bchw", basis, centred(student))
    return (mapped - centred(teacher)).square().sum(dim=1).mean()


def _tensors(seed):
    generator = torch.Generator().manual_seed(seed)
    basis, _ = torch.linalg.qr(torch.randn(9, 4, generator=generator, dtype=torch.float64))
    student = torch.randn(2, 4, 5, 6, generator=generator, dtype=torch.float64)
    teacher = torch.randn(2, 9, 5, 6, generator=generator, dtype=torch.float64)
    return student, teacher, basis


@given(st.integers(0, 1000))
def test_the_error_in_the_subspace_differs_from_the_paper_s_by_a_constant(seed):
    student, teacher, basis = _tensors(seed)
    gaps = []
    for each in (student, student.roll(1, 0), torch.zeros_like(student)):
        plain = _plain_error(each, teacher, basis)
        gaps.append(float(plain - subspace_error(each, teacher, basis)))
    assert gaps[0] == pytest.approx(gaps[1], rel=1e-9)
    assert gaps[0] == pytest.approx(gaps[2], rel=1e-9)


def test_both_errors_have_one_gradient():
    student, teacher, basis = _tensors(0)
    gradients = []
    for function in (subspace_error, _plain_error):
        leaf = student.clone().requires_grad_()
        function(leaf, teacher, basis).backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(gradients[0], gradients[1])


def test_a_result_that_is_the_mean_has_the_error_of_the_variance():
    target = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    mean = target.mean(dim=(2, 3), keepdim=True).expand_as(target)
    torch.testing.assert_close(squared_error(mean, target), variance(target))
