"""Coarse-to-fine stylization: transform and decode at taps 4 to 1.

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
from pcakd.errors import ConfigError, ShapeError
from pcakd.linalg import Statistics, measure_statistics
from pcakd.tiling import lay_out, run_block
from pcakd.transforms import blend_with_identity, fit_transform
from pcakd.utils.sections import section

MIN_SIZE = 16
_BLOCKS = (1, 2, 3, 4)
NUM_STAGES = 2 + len(_BLOCKS)


def stylize(
    network: Autoencoder,
    content: Float[Tensor, "3 h w"],
    style: Float[Tensor, "3 h2 w2"] | Sequence[Statistics],
    *,
    transform: str = "zca",
    strength: float = 1.0,
    on_stage: Callable[[], object] = lambda: None,
) -> Float[Tensor, "3 h w"]:
    """Give a photograph the style of another one.

    Args:
        network: A student, or another autoencoder of four block pairs; it stays in the mode and on
            the device that it is in.
        content: RGB in [0, 1], at least 16 × 16, on the network's device.
        style: RGB in [0, 1], at least 16 × 16, of any other size; or what :func:`measure_style`
            found, for many contents in one style.
        transform: ``zca``, ``ot`` or ``adain``.
        strength: s in [0, 1]: at each tap F' = (1 - s) F + s T(F).
        on_stage: Called ``NUM_STAGES`` times on the way, for a progress bar.

    Returns:
        RGB in [0, 1], of exactly the size of ``content``; on a CPU channels-last in memory.

    Raises:
        ShapeError: An image is not 3 × h × w, or smaller than 16 pixels.
        ConfigError: The strength is not in [0, 1].
        UnknownNameError: There is no such transform.
    """
    if not 0.0 <= strength <= 1.0:
        raise ConfigError(f"strength must lie in [0, 1], got {strength}")
    stride = network.stride
    with torch.inference_mode():
        targets = measure_style(network, style) if isinstance(style, Tensor) else style
        on_stage()
        with section("encode"):
            features = prepare_image("content", content, stride)
            sources: list[Source] = []
            for block in _BLOCKS:
                features, source = network.encode_block(block, features, run=run_block)
                sources.append(source)
                del source
        on_stage()
        for tap in reversed(_BLOCKS):
            moments = measure_statistics(features[0])
            affine = fit_transform(
                transform, moments, targets[tap - 1], regularizer=network.regularizer_at(tap)
            )
            affine = blend_with_identity(affine, strength)
            # popping frees each tap of the encoder as soon as the decoder has passed it
            with section("decode"):
                features = run_block(network.decoder, tap, features, sources.pop(), affine=affine)
            on_stage()
        height, width = content.shape[-2:]
        return features[0, :, :height, :width].clamp(0.0, 1.0)


def measure_style(network: Autoencoder, style: Float[Tensor, "3 h w"]) -> list[Statistics]:
    """Return the moments of a style image at taps 1 to 4, holding one tap at a time."""
    moments = []
    with torch.inference_mode():
        features = prepare_image("style", style, network.stride)
        for block in _BLOCKS:
            with section("encode"):
                features = network.encode_block(block, features, run=run_block)[0]
            moments.append(measure_statistics(features[0]))
    return moments


def pad_to_multiple(image: Float[Tensor, "b c h w"], multiple: int) -> Tensor:
    """Pad right and bottom by reflection until both sizes are multiples of ``multiple``."""
    height, width = image.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    return F.pad(image, (0, right, 0, bottom), mode="reflect") if bottom or right else image


def prepare_image(name: str, image: Tensor, stride: int) -> Float[Tensor, "1 3 h w"]:
    """Check an image, pad it to a multiple of a stride, and lay it out as its device likes it.

    Raises:
        ShapeError: It is not 3 × h × w, or smaller than 16 pixels; ``name`` says which image.
    """
    if image.dim() != 3 or image.shape[0] != 3:
        raise ShapeError(f"the {name} image must be 3 × h × w, got {tuple(image.shape)}")
    height, width = image.shape[-2:]
    if min(height, width) < MIN_SIZE:
        raise ShapeError(
            f"the {name} image is {width} × {height}; at least {MIN_SIZE} × {MIN_SIZE} is needed"
        )
    return lay_out(pad_to_multiple(image[None], stride))
