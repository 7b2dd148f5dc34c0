"""PhotoWCT: four autoencoders one after the other, from level 4 to level 1.

Source: Li, Liu, Li, Yang and Kautz, "A Closed-form Solution to Photorealistic Image Stylization",
ECCV 2018, section 3.1. Taken from there: VGG-19 to relu1_1, …, relu4_1; decoders that mirror them
with max-unpooling by the encoder's maxima; ZCA at the deepest tap of each level, the result of a
level being the content of the next. 8,349,948 parameters. The smoothing of their second step is no
part of the network and is left out, as it is by PCA-KD's comparison.

Departures: the style is encoded once, at all four taps; both covariances are regularised by the
identity, where the released code leaves the style's as it is; images are padded by reflection to a
multiple of 8; the decoders of the levels share the weights of the deepest one's blocks, which are
trained one by one (`bench.peers.training.decoder`); the authors train each decoder on its own.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.peers.vgg import REGULARIZER, STRIDE, Depth, VggAutoencoder
from pcakd.blocks import MaxPool, MaxUnpool
from pcakd.coarse_to_fine import measure_style, prepare_image
from pcakd.linalg import Statistics, measure_statistics
from pcakd.tiling import run_block
from pcakd.transforms import fit_transform
from pcakd.utils.sections import section


class PhotoWCTLevel(VggAutoencoder):
    """The autoencoder of one level; that of level 4 holds what all of them learn."""

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
    ) -> Float[Tensor, "3 h w"]:
        """Give a photograph the style of another one; see `pcakd.pipeline.stylize`."""
        autoencoders = [level for level in self.levels if isinstance(level, PhotoWCTLevel)]
        targets = measure_style(autoencoders[-1], style)
        with section("encode"):
            image = prepare_image("content", content, STRIDE)
        for autoencoder, target in zip(reversed(autoencoders), reversed(targets), strict=True):
            image = _pass(autoencoder, image, target, transform)
        height, width = content.shape[-2:]
        return image[0, :, :height, :width].clamp(0.0, 1.0)

    def load_levels(self, weights: Mapping[str, Tensor]) -> None:
        """Load the weights of a level-4 autoencoder into all levels.

        Decoder block b leads from tap b to tap b - 1 in each level that has it, so blocks that were
        trained one by one serve all levels.
        """
        for level in self.levels:
            level.load_state_dict({name: weights[name] for name in level.state_dict()})


def _pass(
    autoencoder: PhotoWCTLevel, image: Tensor, target: Statistics, transform: str
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
        features = run_block(
            autoencoder.decoder, autoencoder.levels, features, sources.pop(), affine=affine
        )
        while sources:
            features = run_block(autoencoder.decoder, len(sources), features, sources.pop())
    return features
