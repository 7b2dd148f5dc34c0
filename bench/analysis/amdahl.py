"""What making one part of a computation faster can do for the whole (Amdahl). No torch.

Source: Amdahl, "Validity of the single processor approach to achieving large scale computing
    capabilities", AFIPS 1967.
"""

import math


def speedup(share: float, factor: float) -> float:
    """Return how much faster a whole is of which a part is made faster, the rest unchanged.

    Args:
        share: p in [0, 1], the part's share of the time before.
        factor: r > 0, how much faster the part is made.

    >>> speedup(0.5, 2.0)
    1.3333333333333333
    """
    rest = (1.0 - share) + share / factor
    return 1.0 / rest if rest else math.inf


def bound(share: float) -> float:
    """Return what no speed-up of a part can exceed: 1 / (1 - p), infinite for p = 1.

    >>> bound(0.75)
    4.0
    """
    return speedup(share, math.inf)
