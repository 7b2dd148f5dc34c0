"""WCT²: wavelet pooling, whose detail bands go to the decoder.

Source: Yoo, Uh, Chun, Kang and Ha, "Photorealistic Style Transfer via Wavelet Transforms", ICCV
2019. Taken from there: VGG-19 to relu4_1 with Haar pooling (LL goes on; LH, HL and HH go to the
decoder); Haar unpooling in the decoder that either sums the four enlarged bands (``sum``) or
concatenates them with the map before the pooling (``cat5``, the option of the paper's results);
one pass, progressive whitening-colouring at relu1_1 … relu4_1 of the encoder, at the nine detail
bands and at the three decoder blocks before the last, both covariances regularised by the identity.
10,121,871 (``cat5``) and 7,025,295 (``sum``) parameters, 14,336 fixed wavelet weights included.

Departures: transformed features are not clipped to the content's range, which the released code
does and the paper does not say, so that the map folds into the next convolution; with ``sum`` the
encoder transforms at the relu*_1 taps as well, where the released code does after each pooling;
covariances divide by the number of pixels; no segmentation maps; images are padded by reflection
to a multiple of 8; the decoder is trained block by block (`bench.peers.training.decoder`).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.peers.stages import WaveletUnpool
from bench.peers.vgg import REGULARIZER, STRIDE, WIDTHS, Depth, VggAutoencoder
from bench.peers.wavelets import HaarPool, haar_pool
from pcakd.blocks import Features, RunBlock, Source, run_plain
from pcakd.coarse_to_fine import prepare_image
from pcakd.linalg import Statistics, measure_statistics
from pcakd.tiling import run_tiled
from pcakd.transforms import AffineMap, apply_affine, fit_transform
from pcakd.utils.sections import section

_BLOCKS = (1, 2, 3, 4)
_CONCAT_PARTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _StyleMoments:
    """Moments of a style image: at encoder taps, detail bands and decoder outputs, by block."""

    encoder: dict[int, Statistics]
    details: dict[int, tuple[Statistics, ...]]
    decoder: dict[int, Statistics]


class WCT2(VggAutoencoder):
    """The autoencoder.

    Args:
        concat: Option ``cat5``; otherwise ``sum``.
        depth: VGG-19 as in the paper, or VGG-16.
    """

    def __init__(self, *, concat: bool, depth: Depth = "vgg19") -> None:
        super().__init__(
            pool=(),
            unpool=lambda channels: (WaveletUnpool(channels, concat),),
            widening=_CONCAT_PARTS if concat else 1,
            depth=depth,
        )
        self.pools = nn.ModuleList([HaarPool(width) for width in WIDTHS[:-1]])

    def encode_block(
        self, block: int, features: Features, *, run: RunBlock = run_plain
    ) -> tuple[Features, Source]:
        """Run encoder block 1 to 4; the source is the map before the pooling and its details."""
        return self._encode(block, features, run)

    def pool_map(self, block: int, before: Features) -> Features:
        """Return the band LL of the map before the pooling of block 2 to 4."""
        return haar_pool(before)[0]

    @torch.inference_mode()
    def stylize(
        self,
        content: Float[Tensor, "3 h w"],
        style: Float[Tensor, "3 h2 w2"],
        *,
        transform: str = "zca",
        tiled: bool = True,
    ) -> Float[Tensor, "3 h w"]:
        """Give a photograph the style of another one.

        Args:
            content: RGB in [0, 1], at least 16 × 16.
            style: The same, of any other size.
            transform: ``zca``, ``ot`` or ``adain``.
            tiled: Run blocks in tiles and pool by sums; otherwise run the layers of the paper.

        Returns:
            RGB in [0, 1], of the size of ``content``.
        """
        run_block = run_tiled if tiled else run_plain
        moments = self._measure(style, run_block, filters=not tiled)

        def fit(features: Tensor, target: Statistics) -> AffineMap:
            own = measure_statistics(features[0])
            return fit_transform(transform, own, target, regularizer=REGULARIZER)

        with section("encode"):
            image = prepare_image("content", content, STRIDE)
            features = run_block(self.encoder, 1, image)
        affine = fit(features, moments.encoder[1])
        sources: dict[int, Source] = {1: image}
        for block in _BLOCKS[1:]:
            with section("encode"):
                features, source = self._encode(
                    block, features, run_block, affine=affine, filters=not tiled
                )
            affine = fit(features, moments.encoder[block])
            before, *details = source
            maps = [
                apply_affine(band, fit(band, target))
                for band, target in zip(details, moments.details[block], strict=True)
            ]
            sources[block] = (before, *maps)
            del source, before, details, maps
        for block in reversed(_BLOCKS):
            if block in moments.decoder:
                affine = fit(features, moments.decoder[block])
            with section("decode"):
                features = self.decode_block(
                    block, features, sources.pop(block), affine=affine, run=run_block
                )
        height, width = content.shape[-2:]
        return features[0, :, :height, :width].clamp(0.0, 1.0)

    def _encode(
        self,
        block: int,
        features: Features,
        run_block: RunBlock,
        *,
        affine: AffineMap | None = None,
        filters: bool = False,
    ) -> tuple[Features, Source]:
        """Run encoder block 1 to 4 after an affine map.

        Args:
            block: Which block.
            features: The image, or the features at the tap before.
            run_block: How to run stages.
            affine: A map of single pixels to apply to ``features`` first.
            filters: Pool by the network's convolutions; otherwise by sums, which are faster.
        """
        if block == 1:
            return run_block(self.encoder, 1, features, affine=affine), features
        before = run_block(self.encoder, 2 * block - 2, features, affine=affine)
        low, *details = self.pools[block - 2](before) if filters else haar_pool(before)
        return run_block(self.encoder, 2 * block - 1, low), (before, *details)

    def _measure(
        self, style: Float[Tensor, "3 h w"], run_block: RunBlock, *, filters: bool
    ) -> _StyleMoments:
        """Encode the style, decode it to tap 1, and keep the moments of all matched maps."""
        moments = _StyleMoments(encoder={}, details={}, decoder={})
        with section("encode"):
            features = run_block(self.encoder, 1, prepare_image("style", style, STRIDE))
        moments.encoder[1] = measure_statistics(features[0])
        sources: dict[int, Source] = {}
        for block in _BLOCKS[1:]:
            with section("encode"):
                features, source = self._encode(block, features, run_block, filters=filters)
            moments.encoder[block] = measure_statistics(features[0])
            moments.details[block] = tuple(measure_statistics(band[0]) for band in source[1:])
            sources[block] = source
        for block in reversed(_BLOCKS[1:]):
            with section("decode"):
                features = self.decode_block(block, features, sources.pop(block), run=run_block)
            moments.decoder[block - 1] = measure_statistics(features[0])
        return moments
