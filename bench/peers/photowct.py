"""PhotoWCT: four autoencoders one after the other, from level 4 to level 1.

Source: Li, Liu, Li, Yang and Kautz, "A Closed-form Solution to Photorealistic Image Stylization",
ECCV 2018, section 3.1. Taken from there: VGG-19 to relu1_1, …, relu4_1; decoders that mirror them
with max-unpooling by the encoder's maxima; ZCA at the deepest tap of each level, the result of a
level being the content of the next. 8,349,948 parameters. The smoothing of their second step is not
part of the network and is left out, as in PCA-KD's comparison; the subject ``photowct|matting`` has
it (`bench.filters.matting`).

Departures: the style is encoded once, at all four taps; both covariances are regularised by the
identity, where the released code leaves the style's as it is; images are padded by reflection to a
multiple of 8; the decoders of the levels share the weights of the deepest one's blocks, which are
trained one by one (`bench.peers.training.decoder`); the authors train each decoder on its own.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.peers.stages import MaxUnpool
from bench.peers.vgg import REGULARIZER, STRIDE, Depth, VggAutoencoder
from pcakd.blocks import MaxPool, RunBlock, run_plain
from pcakd.coarse_to_fine import measure_style, prepare_image
from pcakd.linalg import Statistics, measure_statistics
from pcakd.tiling import run_tiled
from pcakd.transforms import fit_transform
from pcakd.utils.sections import section


class PhotoWCTLevel(VggAutoencoder):
    """The autoencoder of one level; that of level 4 has the weights of all."""

    def __init__(self, *, levels: int = 4, depth: Depth = "vgg19") -> None:
        super().__init__(
            pool=(MaxPool(),), unpool=lambda _: (MaxUnpool(),), depth=depth, levels=levels
        )


class PhotoWCT(nn.Module):
    """The cascade.

    Attributes:
        levels: The autoencoders of levels 1 to 4.
    """

    def __init__(self, *, depth: Depth = "vgg19") -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            [PhotoWCTLevel(levels=level, depth=depth) for level in (1, 2, 3, 4)]
        )

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
            tiled: Run blocks in tiles; otherwise on whole maps.

        Returns:
            RGB in [0, 1], of the size of ``content``.
        """
        run_block = run_tiled if tiled else run_plain
        autoencoders = [level for level in self.levels if isinstance(level, PhotoWCTLevel)]
        targets = measure_style(autoencoders[-1], style, run_block=run_block)
        with section("encode"):
            image = prepare_image("content", content, STRIDE)
        for autoencoder, target in zip(reversed(autoencoders), reversed(targets), strict=True):
            image = _pass(autoencoder, image, target, transform, run_block)
        height, width = content.shape[-2:]
        return image[0, :, :height, :width].clamp(0.0, 1.0)

    def load_levels(self, weights: Mapping[str, Tensor]) -> None:
        """Load the weights of a level-4 autoencoder into all levels.

        Decoder block b leads from tap b to tap b - 1 in each level that has it, so all levels can
        share blocks that were trained one by one.
        """
        for level in self.levels:
            level.load_state_dict({name: weights[name] for name in level.state_dict()})


def _pass(
    autoencoder: PhotoWCTLevel,
    image: Tensor,
    target: Statistics,
    transform: str,
    run_block: RunBlock,
) -> Float[Tensor, "1 3 h w"]:
    """Encode, transform at the deepest tap, and decode."""
    sources = []
    features = image
    with section("encode"):
        for block in range(1, autoencoder.levels + 1):
            features, source = autoencoder.encode_block(block, features, run=run_block)
            sources.append(source)
    moments = measure_statistics(features[0])
    affine = fit_transform(transform, moments, target, regularizer=REGULARIZER)
    with section("decode"):
        features = autoencoder.decode_block(
            autoencoder.levels, features, sources.pop(), affine=affine, run=run_block
        )
        while sources:
            features = autoencoder.decode_block(
                len(sources), features, sources.pop(), run=run_block
            )
    return features
