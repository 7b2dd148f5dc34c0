"""Specifications of small students."""

from pcakd.blocks import BlockDesign
from pcakd.students import StudentSpec

TINY = StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))
_INVERTED = BlockDesign(kind="inverted", stride=2, expansion=6.0, linear=True)
_SEPARABLE = BlockDesign(kind="separable", stride=2)
DESIGNED = StudentSpec(
    architecture="designed",
    ranks=(3, 4, 5, 6),
    designs=(_INVERTED, _SEPARABLE, _INVERTED, BlockDesign(kind="conv", stride=1)),
)
