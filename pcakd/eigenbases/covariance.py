"""Within-image covariances of features, averaged over images in one pass."""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.backbones import Backbone
from pcakd.errors import ShapeError
from pcakd.utils.precision import full_precision

_NO_IMAGE = "no image was given: an eigenbasis needs at least one"


class CovarianceStream:
    """Averages the within-image covariances of one tap, and their explained variance, in float64.

    Attributes:
        images: How many images were added.
        power: Mean square of the features, averaged over images.
    """

    def __init__(self) -> None:
        self.images = 0
        self._power = 0.0
        self._covariance: Tensor | None = None
        self._curve: Tensor | None = None

    def update(self, features: Float[Tensor, "b c h w"]) -> None:
        """Add a batch of feature maps; images may differ in size between calls.

        Raises:
            ShapeError: The input is not four-dimensional, or the number of channels changed.
        """
        if features.dim() != 4 or features.numel() == 0:
            raise ShapeError(
                f"expected features of shape (b, c, h, w), got {tuple(features.shape)}"
            )
        if features.device.type == "mps":  # MPS has no float64
            features = features.cpu()
        for pixels in features.flatten(2):
            wide = pixels.double()
            self._power += float(wide.square().mean())
            wide = wide - wide.mean(dim=1, keepdim=True)
            self._add((wide @ wide.mT / wide.shape[1]).cpu())

    def _add(self, covariance: Float[Tensor, "c c"]) -> None:
        values = torch.linalg.eigvalsh(covariance).flip(0).clamp_min(0.0)
        total = values.sum()
        # an image of one colour has no variance: every rank explains all of it
        curve = values.cumsum(0) / total if total > 0 else torch.ones_like(values)
        if self._covariance is None or self._curve is None:
            self._covariance, self._curve = torch.zeros_like(covariance), torch.zeros_like(curve)
        if covariance.shape != self._covariance.shape:
            raise ShapeError(
                f"features changed from {len(self._covariance)} to {len(covariance)} channels"
            )
        self._covariance += covariance
        self._curve += curve
        self.images += 1

    def combine(self, sum_all: Callable[[Tensor], Tensor]) -> None:
        """Add the images of other processes.

        Args:
            sum_all: Sums a tensor over all processes.

        Raises:
            ShapeError: This process has added no image.
        """
        if self._covariance is None or self._curve is None:
            raise ShapeError(_NO_IMAGE)
        self._covariance, self._curve = sum_all(self._covariance), sum_all(self._curve)
        self._power = float(sum_all(torch.tensor(self._power, dtype=torch.float64)))
        self.images = int(sum_all(torch.tensor(self.images)))

    @property
    def power(self) -> float:
        """Mean square of the features, averaged over images."""
        return self._power / max(1, self.images)

    @property
    def covariance(self) -> Float[Tensor, "c c"]:
        """The average within-image covariance; that of an image divides by its pixels."""
        if self._covariance is None:
            raise ShapeError(_NO_IMAGE)
        return self._covariance / self.images

    @property
    def mcev_curve(self) -> Float[Tensor, " c"]:
        """Mean cumulative explained variance at ranks 1 to C."""
        if self._curve is None:
            raise ShapeError(_NO_IMAGE)
        return self._curve / self.images


def measure_covariances(
    backbone: Backbone, images: Iterable[Float[Tensor, "b 3 h w"]]
) -> list[CovarianceStream]:
    """Run images through a backbone and average the covariances of its taps.

    Args:
        backbone: The teacher. It computes on its own device, in float32 without TF32.
        images: Batches of RGB images in [0, 1]; batches may differ in size.

    Returns:
        One stream for each tap.
    """
    device = next(backbone.parameters()).device
    streams = [CovarianceStream() for _ in backbone.taps]
    with torch.inference_mode(), full_precision():
        for batch in images:
            taps = backbone(batch.to(device, memory_format=torch.channels_last))
            for stream, features in zip(streams, taps, strict=True):
                stream.update(features)
    return streams
