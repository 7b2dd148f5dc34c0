"""The interface of a stage: one step of an encoder or decoder block.

A stage is a frozen description (a kind and its numbers). Its methods run it on whole maps and on
tiles. A new stage is one subclass of :class:`Stage`; nothing else lists the kinds.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, TypeAlias

from jaxtyping import Float
from torch import Tensor, nn

from pcakd.blocks.spans import Span, Tile
from pcakd.transforms import AffineMap

Features = Float[Tensor, "b c h w"]

Source: TypeAlias = Tensor | tuple[Tensor, ...]
"""What a decoder block takes from the content's encoder: the input of the matching encoder block,
from which residuals are made. Stages of other networks may take several maps."""


class Stage(ABC):
    """One step of a block.

    A stage without weights needs :meth:`run` and :meth:`input_span`, and :meth:`output_size` or
    :meth:`output_channels` where it changes sizes or channels. Override :meth:`run_tile` where a
    tile differs from a small map: for padding at borders, for a source, or for speed.

    Attributes:
        commutes_with_pixelwise: Whether an affine map of each pixel's features gives the same
            result before and after the stage. The feature transform then moves past it, into the
            next convolution.
    """

    __slots__ = ()
    commutes_with_pixelwise: ClassVar[bool] = False

    def create_layer(self) -> nn.Module | None:
        """Return the module that holds the stage's weights; None if there are none."""
        return None

    @abstractmethod
    def run(
        self, features: Features, source: Source | None = None, layer: nn.Module | None = None
    ) -> Features:
        """Run the stage on a whole map, differentiably.

        Args:
            features: The map, ``(b, c, h, w)``.
            source: What the block takes from the content's encoder.
            layer: What :meth:`create_layer` returned.

        Raises:
            ValueError: The stage needs a source and has none.
        """

    def run_tile(
        self,
        part: Features,
        source: Source | None,
        layer: nn.Module | None,
        *,
        before: Tile,
        after: Tile,
    ) -> Features:
        """Run the stage on a part of its input, without gradients; it may overwrite ``part``.

        The default runs the stage on the part as if it were a map, and cuts the tile out.

        Args:
            part: The part of the input that :meth:`input_span` asks for.
            source: What the block takes from the content's encoder, whole.
            layer: What :meth:`create_layer` or :meth:`fold_affine` returned.
            before: Where ``part`` lies in the input.
            after: The tile of the output to return.
        """
        result = self.run(part, None, layer)
        rows, columns = (
            slice(span.start - start, span.stop - start)
            for span, start in (
                (after.rows, self.output_size(before.rows.start)),
                (after.columns, self.output_size(before.columns.start)),
            )
        )
        return result[..., rows, columns]

    @abstractmethod
    def input_span(self, span: Span, size: int) -> Span:
        """Return the part of an input axis of ``size`` that ``span`` of the output depends on."""

    def output_size(self, size: int) -> int:
        """Return the size of the output for an input axis of ``size``."""
        return size

    def output_channels(self, channels: int) -> int:
        """Return the channels of the output, without those of a source."""
        return channels

    def working_channels(self, channels: int) -> int:
        """Return the channels, at the size of the output, that decide how large a tile can be."""
        return self.output_channels(channels)

    def fold_affine(self, layer: nn.Module | None, affine: AffineMap) -> nn.Module | None:
        """Return a layer that applies ``affine`` to each pixel of its input first, for tiles.

        None if the stage has no weights that could take it.
        """
        del layer, affine
        return None


Block: TypeAlias = tuple[Stage, ...]


def require_map(stage: Stage, source: Source | None) -> Tensor:
    """Return the map that a stage needs beside its features.

    Raises:
        ValueError: There is none.
    """
    if not isinstance(source, Tensor):
        raise ValueError(f"{type(stage).__name__} needs the map of its encoder block")
    return source
