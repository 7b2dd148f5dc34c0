"""The four decoder blocks of a student."""

from jaxtyping import Float
from torch import Tensor, nn

from pcakd.students.layers import ConvLayer, build_layers, high_frequencies, run_block
from pcakd.students.spec import StudentSpec, decoder_blocks


class Decoder(nn.Module):
    """Four blocks, each leading from a tap to the one before it, and block 1 to the image."""

    def __init__(self, spec: StudentSpec) -> None:
        super().__init__()
        self._stages = decoder_blocks(spec)
        self.blocks = nn.ModuleList([build_layers(block) for block in self._stages])

    def decode_block(
        self,
        block: int,
        features: Float[Tensor, "b c h w"],
        source: Float[Tensor, "b k h2 w2"],
    ) -> Tensor:
        """Run decoder block 1 to 4.

        Args:
            block: Which block.
            features: Features at tap ``block``.
            source: What encoder block ``block`` read (the image, or the content's features at the
                tap before): its high frequencies are handed over.

        Returns:
            Features of the shape of ``source``.
        """
        return run_block(
            self._stages[block - 1], self.layers(block), features, high_frequencies(source)
        )

    def layers(self, block: int) -> list[ConvLayer]:
        """Return the convolutions of block 1 to 4, in order."""
        return [
            layer for layer in self.blocks[block - 1].children() if isinstance(layer, ConvLayer)
        ]
