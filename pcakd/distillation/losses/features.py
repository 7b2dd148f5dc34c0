"""Losses on features, each a share of its target's variance.

Source: Chiu and Gurari, CVPR 2022, section 3.3, mean squared errors. Departure: each is divided by
the variance of its target, a constant of the training, so that loss weights apply to shares of
variance and not to the units of different layers. The variance for loss (a) is the teacher's over
the photographs of the eigenbases; for the others it is that of calibration crops.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def centred(features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Subtract from each channel of each image its mean over pixels."""
    return features - features.mean(dim=(2, 3), keepdim=True)


def project(
    features: Float[Tensor, "b c h w"], basis: Float[Tensor, "c k"]
) -> Float[Tensor, "b k h w"]:
    """Return the coefficients of each pixel in an eigenbasis: Wᵀ F."""
    return torch.nn.functional.conv2d(features, basis.mT[:, :, None, None].to(features.dtype))


def subspace_error(
    student: Float[Tensor, "b k h w"],
    teacher: Float[Tensor, "b c h w"],
    basis: Float[Tensor, "c k"],
) -> Float[Tensor, ""]:
    """Return loss (a): the mean of ‖S̄ - WᵀF̄‖² over images and pixels.

    Because W has orthonormal columns, it differs from the paper's ‖W S̄ - F̄‖² by ‖F̄ - WWᵀF̄‖², a
    constant for the student. The gradient is the same, computed in k instead of C channels.
    """
    difference = centred(student) - centred(project(teacher, basis).to(student.dtype))
    return difference.square().sum(dim=1).mean()


def squared_error(
    result: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """Return loss (b), (c) or (d): the mean squared distance of feature vectors, in float32.

    The mean is over images and pixels.
    """
    return (result.float() - target.float()).square().sum(dim=1).mean()


def variance(target: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Return the mean squared length of the centred feature vectors."""
    return centred(target.float()).square().sum(dim=1).mean()
