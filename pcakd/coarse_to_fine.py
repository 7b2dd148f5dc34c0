"""The coarse-to-fine loop: encode, then transform and decode at taps 4 to 1.

These functions check shapes only. `pcakd.pipeline.stylize` checks and converts all inputs.

Source: Chiu and Gurari, CVPR 2022, section 3; block-wise decoding with high-frequency residuals
after Chiu and Gurari, "PhotoWCT²", WACV 2022. Departure: images are padded by reflection to the
student's stride and the result is cropped, where the authors' demo resizes; a network can end with
a colour transfer, which brings the colours closer to the style without a parameter.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pcakd.blocks import Autoencoder, RunBlock, Source, run_plain
from pcakd.errors import ShapeError
from pcakd.linalg import Statistics, measure_batch, measure_statistics, without_autocast
from pcakd.tiling import lay_out, map_bands, run_tiled
from pcakd.transforms import (
    AffineMap,
    apply_affine,
    apply_to_colours,
    blend_with_identity,
    fit_colour_transfer,
    fit_transform,
)
from pcakd.utils.sections import section
from pcakd.utils.threads import call_in_thread, split_by_pieces

MIN_SIZE = 16
TAPS = (1, 2, 3, 4)
NUM_STEPS = 2 + len(TAPS)
"""Calls of ``on_step`` for one image: style measured, content encoded, four taps decoded."""


def _do_nothing() -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TapSettings:
    """What to apply at each tap, and how to compute it.

    Attributes:
        transform: ``zca``, ``ot`` or ``adain``.
        strength: s in [0, 1]: at each tap F' = (1 - s) F + s T(F); it scales a colour transfer too.
        measure: Returns the moments of features ``(b, c, h, w)``. The default takes b = 1 and has
            no gradients; ``measure_batch`` has them, for any b.
        run_block: Runs the stages of a block. The default runs tiles and has no gradients;
            ``run_plain`` has them.
        on_step: Called after each tap, for a progress bar.
    """

    transform: str = "zca"
    strength: float = 1.0
    measure: Callable[[Tensor], Statistics] = lambda features: measure_statistics(features[0])
    run_block: RunBlock = run_tiled
    on_step: Callable[[], object] = _do_nothing


def transform_and_decode(
    network: Autoencoder,
    maps: list[Source],
    targets: Sequence[Statistics],
    settings: TapSettings,
) -> Float[Tensor, "b 3 h w"]:
    """Transform and decode at taps 4 to 1.

    Args:
        network: An autoencoder of four block pairs.
        maps: What decoder blocks 1 to 4 take from the encoder, then the features at tap 4. The
            list is emptied, so that each map is freed after its use.
        targets: Moments of the style at taps 1 to 4; more are not used.
        settings: What to apply, and how.

    Returns:
        The decoded image before :func:`transfer_colours`, not clipped and with its padding.
    """
    features = maps.pop()
    if not isinstance(features, Tensor):
        raise TypeError("the last map must be the features at tap 4")
    for tap in reversed(TAPS):
        fit = partial(
            fit_transform,
            settings.transform,
            settings.measure(features),
            targets[tap - 1],
            regularizer=network.regularizer_at(tap),
        )
        affine = call_in_thread(fit)
        affine = blend_with_identity(affine, settings.strength)
        with section("decode"):
            features = network.decode_block(
                tap, features, maps.pop(), affine=affine, run=settings.run_block
            )
        settings.on_step()
    return features


@torch.no_grad()
def run_fast(
    network: Autoencoder,
    content: Float[Tensor, "3 h w"],
    style: Float[Tensor, "3 h2 w2"] | Sequence[Statistics],
    *,
    transform: str = "zca",
    strength: float = 1.0,
    on_step: Callable[[], object] = _do_nothing,
    run_block: RunBlock = run_tiled,
) -> Float[Tensor, "3 h w"]:
    """Stylize one image tile by tile, without gradients.

    Args:
        network: An autoencoder of four block pairs, without batch norms.
        content: RGB in [0, 1], at least 16 × 16, of the network's type and on its device.
        style: The same, of any other size; or the result of :func:`measure_style`.
        transform: ``zca``, ``ot`` or ``adain``.
        strength: s in [0, 1]: at each tap F' = (1 - s) F + s T(F).
        on_step: Called ``NUM_STEPS`` times on the way.
        run_block: How blocks run: in tiles, or with ``run_plain`` on whole maps.

    Returns:
        RGB in [0, 1], of the size of ``content``; on a CPU channels-last in memory.

    Raises:
        ShapeError: An image is not 3 × h × w, or smaller than 16 pixels.
        UnknownNameError: There is no such transform.
        NumericalError: A covariance of features is not finite.
    """
    if isinstance(style, Tensor):
        style = measure_style(network, style, run_block=run_block)
    on_step()
    with tiles_in_threads(content, run_block):
        maps = _encode(network, content, run_block)
        on_step()
        settings = TapSettings(
            transform=transform, strength=strength, run_block=run_block, on_step=on_step
        )
        result = transform_and_decode(network, maps, style, settings)
        affine = _fit_colours(network, result, style, settings)
        height, width = content.shape[-2:]
        rows = result[0, :, :height]  # whole ones lie together in memory
        with section("transform") if affine is not None else nullcontext():
            map_bands(partial(_finish, affine), rows)
        return rows[..., :width]


def _finish(affine: AffineMap | None, image: Float[Tensor, "3 h w"]) -> None:
    """Transfer the colours of an image and clip it to [0, 1], where it lies."""
    if affine is not None:
        apply_to_colours(image, affine)
    image.clamp_(0.0, 1.0)


def _fit_colours(
    network: Autoencoder,
    image: Float[Tensor, "b 3 h w"],
    targets: Sequence[Statistics],
    settings: TapSettings,
) -> AffineMap | None:
    """Return the colour transfer of a decoded image, at its strength; None if there is none."""
    if not network.colour_transfer:
        return None
    fit = partial(fit_colour_transfer, settings.measure(image), targets[len(TAPS)])
    return blend_with_identity(call_in_thread(fit), settings.strength * network.colour_transfer)


def transfer_colours(
    network: Autoencoder,
    image: Float[Tensor, "b 3 h w"],
    targets: Sequence[Statistics],
    settings: TapSettings,
) -> Float[Tensor, "b 3 h w"]:
    """Return a decoded image after the network's colour transfer, if it has one; not clipped.

    Args:
        network: An autoencoder of four block pairs.
        image: What :func:`transform_and_decode` returned.
        targets: Moments of the style at taps 1 to 4, then those of its colours.
        settings: The strength, and how to measure.
    """
    affine = _fit_colours(network, image, targets, settings)
    if affine is None:
        return image
    wide = image.to(torch.promote_types(image.dtype, torch.float32))
    with without_autocast(image.device):
        return apply_affine(wide, affine).to(image.dtype)


def tiles_in_threads(image: Tensor, run_block: RunBlock) -> AbstractContextManager[None]:
    """Return the context in which each thread computes tiles of its own, if blocks run in tiles.

    Args:
        image: The image that is encoded, of any shape that ends in its height and width.
        run_block: How blocks run.
    """
    if run_block is not run_tiled:
        return nullcontext()
    return split_by_pieces(pixels=image.shape[-2:].numel(), device=image.device.type)


def _encode(
    network: Autoencoder, content: Float[Tensor, "3 h w"], run_block: RunBlock
) -> list[Source]:
    """Return what decoder blocks 1 to 4 take from the content, and its features at tap 4."""
    maps: list[Source] = []
    with section("encode"):
        features = prepare_image("content", content, network.stride)
        for tap in TAPS:
            features, source = network.encode_block(tap, features, run=run_block)
            maps.append(source)
    return [*maps, features]


def run_differentiable(
    network: Autoencoder,
    content: Float[Tensor, "b 3 h w"],
    style: Float[Tensor, "b2 3 h2 w2"] | Sequence[Statistics],
    *,
    transform: str = "zca",
    strength: float = 1.0,
    on_step: Callable[[], object] = _do_nothing,
) -> Float[Tensor, "b 3 h w"]:
    """Stylize a batch with gradients to both images and to all weights.

    Args:
        network: An autoencoder of four block pairs.
        content: RGB in [0, 1], at least 16 × 16, of the network's type and on its device.
        style: The same, of any other size, one for all contents or one for each; or moments as
            :func:`measure_style` returns them.
        transform: ``zca``, ``ot`` or ``adain``.
        strength: s in [0, 1]: at each tap F' = (1 - s) F + s T(F).
        on_step: Called ``NUM_STEPS`` times on the way.

    Returns:
        RGB in [0, 1], of the size of ``content``.
    """
    if isinstance(style, Tensor):
        padded = pad_to_multiple(style, network.stride)
        maps_of_style = [*network.encode(padded), *([padded] if network.colour_transfer else [])]
        style = [measure_batch(each) for each in maps_of_style]
    on_step()
    taps, maps = network.encode_with_sources(pad_to_multiple(content, network.stride))
    on_step()
    settings = TapSettings(
        transform=transform,
        strength=strength,
        measure=measure_batch,
        run_block=run_plain,
        on_step=on_step,
    )
    result = transform_and_decode(network, [*maps, taps[-1]], style, settings)
    result = transfer_colours(network, result, style, settings)
    height, width = content.shape[-2:]
    return result[..., :height, :width].clamp(0.0, 1.0)


@torch.no_grad()
def measure_style(
    network: Autoencoder, style: Float[Tensor, "3 h w"], *, run_block: RunBlock = run_tiled
) -> list[Statistics]:
    """Return the moments of a style image, with one tap in memory at a time.

    They are those at taps 1 to 4, and then those of its colours if the network transfers colours.
    """
    return [moments for moments, _ in measure_taps(network, style, run_block=run_block)]


@torch.no_grad()
def measure_taps(
    network: Autoencoder, style: Float[Tensor, "3 h w"], *, run_block: RunBlock = run_tiled
) -> list[tuple[Statistics, int]]:
    """Return what :func:`measure_style` does, each with the number of pixels."""
    taps, colours = [], []
    with tiles_in_threads(style, run_block):
        features = prepare_image("style", style, network.stride)
        if network.colour_transfer:
            colours = [(measure_statistics(features[0]), features[0, 0].numel())]
        for tap in TAPS:
            with section("encode"):
                features = network.encode_block(tap, features, run=run_block)[0]
            taps.append((measure_statistics(features[0]), features[0, 0].numel()))
    return [*taps, *colours]


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
        ShapeError: It is smaller; ``name`` says which image.
    """
    height, width = image.shape[-2:]
    if min(height, width) < MIN_SIZE:
        raise ShapeError(
            f"the {name} image is {width} × {height}; at least {MIN_SIZE} × {MIN_SIZE} is needed"
        )
