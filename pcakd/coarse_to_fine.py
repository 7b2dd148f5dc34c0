"""The coarse-to-fine loop: encode, then transform and decode at taps 4 to 1.

These functions check shapes only. `pcakd.pipeline.stylize` checks and converts all inputs.

Source: Chiu and Gurari, CVPR 2022, section 3; block-wise decoding with high-frequency residuals
after Chiu and Gurari, "PhotoWCT²", WACV 2022. Departure: images are padded by reflection to the
student's stride and the result is cropped, where the authors' demo resizes.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pcakd.blocks import Autoencoder, Source
from pcakd.errors import ShapeError
from pcakd.linalg import Statistics, measure_statistics
from pcakd.tiling import lay_out, run_block
from pcakd.transforms import blend_with_identity, fit_transform
from pcakd.utils.sections import section

MIN_SIZE = 16
TAPS = (1, 2, 3, 4)
NUM_STEPS = 2 + len(TAPS)
"""Calls of ``on_step`` for one image: style measured, content encoded, four taps decoded."""


@torch.no_grad()
def run_fast(
    network: Autoencoder,
    content: Float[Tensor, "3 h w"],
    style: Float[Tensor, "3 h2 w2"] | Sequence[Statistics],
    *,
    transform: str = "zca",
    strength: float = 1.0,
    on_step: Callable[[], object] = lambda: None,
) -> Float[Tensor, "3 h w"]:
    """Stylize one image tile by tile, without gradients.

    Args:
        network: An autoencoder of four block pairs, without batch norms.
        content: RGB in [0, 1], at least 16 × 16, of the network's type and on its device.
        style: The same, of any other size; or the result of :func:`measure_style`.
        transform: ``zca``, ``ot`` or ``adain``.
        strength: s in [0, 1]: at each tap F' = (1 - s) F + s T(F).
        on_step: Called ``NUM_STEPS`` times on the way.

    Returns:
        RGB in [0, 1], of the size of ``content``; on a CPU channels-last in memory.

    Raises:
        ShapeError: An image is not 3 × h × w, or smaller than 16 pixels.
        UnknownNameError: There is no such transform.
        NumericalError: A covariance of features is not finite.
    """
    targets = measure_style(network, style) if isinstance(style, Tensor) else style
    on_step()
    maps: list[Source] = []
    with section("encode"):
        features = prepare_image("content", content, network.stride)
        for tap in TAPS:
            features, source = network.encode_block(tap, features, run=run_block)
            maps.append(source)
            del source
    on_step()
    for tap in reversed(TAPS):
        moments = measure_statistics(features[0])
        affine = fit_transform(
            transform, moments, targets[tap - 1], regularizer=network.regularizer_at(tap)
        )
        affine = blend_with_identity(affine, strength)
        # popping frees each map of the encoder as soon as the decoder has used it
        with section("decode"):
            features = run_block(network.decoder, tap, features, maps.pop(), affine=affine)
        on_step()
    height, width = content.shape[-2:]
    return features[0, :, :height, :width].clamp(0.0, 1.0)


@torch.no_grad()
def measure_style(network: Autoencoder, style: Float[Tensor, "3 h w"]) -> list[Statistics]:
    """Return the moments of a style image at taps 1 to 4, with one tap in memory at a time."""
    return [moments for moments, _ in measure_taps(network, style)]


@torch.no_grad()
def measure_taps(
    network: Autoencoder, style: Float[Tensor, "3 h w"]
) -> list[tuple[Statistics, int]]:
    """Return the moments of an image at taps 1 to 4, and the number of pixels of each tap."""
    taps = []
    features = prepare_image("style", style, network.stride)
    for tap in TAPS:
        with section("encode"):
            features = network.encode_block(tap, features, run=run_block)[0]
        taps.append((measure_statistics(features[0]), features[0, 0].numel()))
    return taps


def pad_to_multiple(image: Float[Tensor, "b c h w"], multiple: int) -> Tensor:
    """Pad right and bottom by reflection until both sizes are multiples of ``multiple``."""
    height, width = image.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    return F.pad(image, (0, right, 0, bottom), mode="reflect") if bottom or right else image


def prepare_image(name: str, image: Tensor, stride: int) -> Float[Tensor, "1 3 h w"]:
    """Check the shape of an image, pad it to a multiple of a stride, and set its memory layout.

    Raises:
        ShapeError: It is not 3 × h × w, or smaller than 16 pixels; ``name`` says which image.
    """
    if image.dim() != 3 or image.shape[0] != 3:
        raise ShapeError(f"the {name} image must be 3 × h × w, got {tuple(image.shape)}")
    require_min_size(name, image)
    return lay_out(pad_to_multiple(image[None], stride))


def require_min_size(name: str, image: Float[Tensor, "*b h w"]) -> None:
    """Check that an image has at least 16 × 16 pixels.

    Raises:
        ShapeError: It is smaller.
    """
    height, width = image.shape[-2:]
    if min(height, width) < MIN_SIZE:
        raise ShapeError(
            f"the {name} image is {width} × {height}; at least {MIN_SIZE} × {MIN_SIZE} is needed"
        )
