"""Amdahl's law: the speed-up of a whole from the speed-up of one part. No torch.

Source: Amdahl, "Validity of the single processor approach to achieving large scale computing
    capabilities", AFIPS 1967.
"""

import math


def speedup(share: float, factor: float) -> float:
    """Return the speed-up of the whole: 1 / ((1 - p) + p / r).

    Args:
        share: p in [0, 1], the share of the part in the time before.
        factor: r > 0, the speed-up of the part.

    >>> speedup(0.5, 2.0)
    1.3333333333333333
    """
    rest = (1.0 - share) + share / factor
    return 1.0 / rest if rest else math.inf


def bound(share: float) -> float:
    """Return the limit of the speed-up of the whole, 1 / (1 - p); infinite for p = 1.

    >>> bound(0.75)
    4.0
    """
    return speedup(share, math.inf)
