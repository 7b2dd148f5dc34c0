"""The four encoder blocks of a student."""

from jaxtyping import Float
from torch import Tensor, nn

from pcakd.students.layers import ConvLayer, build_layers, run_block
from pcakd.students.spec import StudentSpec, encoder_blocks


class Encoder(nn.Module):
    """Four blocks, each ending at a tap."""

    def __init__(self, spec: StudentSpec) -> None:
        super().__init__()
        self._stages = encoder_blocks(spec)
        self.blocks = nn.ModuleList([build_layers(block) for block in self._stages])

    def encode_block(self, block: int, features: Float[Tensor, "b c h w"]) -> Tensor:
        """Run encoder block 1 to 4: from the previous tap (or the image) to its own tap."""
        return run_block(self._stages[block - 1], self.layers(block), features)

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

    def layers(self, block: int) -> list[ConvLayer]:
        """Return the convolutions of block 1 to 4, in order."""
        return [
            layer for layer in self.blocks[block - 1].children() if isinstance(layer, ConvLayer)
        ]
