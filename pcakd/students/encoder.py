"""The four encoder blocks of a student."""

from jaxtyping import Float
from torch import Tensor

from pcakd.students.layers import BlockStack
from pcakd.students.spec import StudentSpec, encoder_blocks


class Encoder(BlockStack):
    """Four blocks, each ending at a tap."""

    def __init__(self, spec: StudentSpec) -> None:
        super().__init__(encoder_blocks(spec))

    def encode_block(self, block: int, features: Float[Tensor, "b c h w"]) -> Tensor:
        """Run encoder block 1 to 4: from the previous tap (or the image) to its own tap."""
        return self.run_block(block, features)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """Return the features at taps 1 to 4 of an image in [0, 1].

        Height and width must be multiples of the student's stride.
        """
        taps: list[Tensor] = []
        features = image
        for block in range(1, len(self.blocks) + 1):
            features = self.encode_block(block, features)
            taps.append(features)
        return taps
