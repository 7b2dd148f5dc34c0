"""PhotoWCT²: one autoencoder that is stylized block by block, from coarse to fine.

Source: Chiu and Gurari, "PhotoWCT²: Compact Autoencoder for Photorealistic Style Transfer Resulting
from Blockwise Training and Skip Connections of High-Frequency Residuals", WACV 2022. Taken from
there: VGG-19 to relu4_1 with average pooling; decoder blocks that each lead from one tap to the one
before; the residual of a pooling (the map before it minus the pooled one, enlarged) added after the
decoder's enlargement; ZCA at taps 4 to 1, content features encoded once. 7,010,959 parameters.

Departures: images are padded by reflection to a multiple of 8 where the released code resizes;
covariances divide by the number of pixels and are regularised by the identity, as for every peer
here; a VGG-16 encoder has one convolution less, and so has the decoder that mirrors it; decoders
are trained as in `bench.peers.training.decoder`, from regressions and for far fewer steps.
"""

from bench.peers.stages import AddPooledResidual
from bench.peers.vgg import Depth, VggAutoencoder
from pcakd.blocks import AvgPool, Upsample


class PhotoWCT2(VggAutoencoder):
    """The autoencoder; `pcakd.pipeline.stylize` runs it like a student."""

    def __init__(self, *, depth: Depth = "vgg19") -> None:
        super().__init__(
            pool=(AvgPool(),), unpool=lambda _: (Upsample(), AddPooledResidual()), depth=depth
        )
