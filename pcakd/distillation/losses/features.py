"""The four losses of the distillation, each a share of its target's variance.

Source: Chiu and Gurari, CVPR 2022, section 3.3, mean squared errors. Departure: each is divided by
the variance of its target, a constant of the run, so that their weights compare shares of variance
and not squared units of different layers: (a) by the teacher's over the photographs of the
eigenbases, the others by that of calibration crops.
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
    """Take the coordinates of each pixel in an eigenbasis: Wᵀ F."""
    return torch.nn.functional.conv2d(features, basis.mT[:, :, None, None].to(features.dtype))


def subspace_error(
    student: Float[Tensor, "b k h w"],
    teacher: Float[Tensor, "b c h w"],
    basis: Float[Tensor, "c k"],
) -> Float[Tensor, ""]:
    """Loss (a): mean of ‖S̄ - WᵀF̄‖² over images and pixels.

    It differs from the paper's ‖W S̄ - F̄‖² by ‖F̄ - WWᵀF̄‖², which no student can change, because
    W has orthonormal columns: the same gradient from k instead of C channels.
    """
    difference = centred(student) - centred(project(teacher, basis).to(student.dtype))
    return difference.square().sum(dim=1).mean()


def squared_error(
    result: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """Losses (b), (c), (d): squared distance of feature vectors, mean over images and pixels.

    In float32, whatever the features are in.
    """
    return (result.float() - target.float()).square().sum(dim=1).mean()


def variance(target: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Mean squared length of the centred feature vectors: what an error is a share of."""
    return centred(target.float()).square().sum(dim=1).mean()
