"""The four decoder blocks of a student."""

from jaxtyping import Float
from torch import Tensor

from pcakd.students.layers import BlockStack
from pcakd.students.spec import StudentSpec, decoder_blocks


class Decoder(BlockStack):
    """Four blocks, each leading from a tap to the one before it, and block 1 to the image."""

    def __init__(self, spec: StudentSpec) -> None:
        super().__init__(decoder_blocks(spec))

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
        return self.run_block(block, features, source)
