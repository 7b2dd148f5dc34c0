"""Stylization of images: the public function, which checks and converts what it is given."""

from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor

from pcakd.blocks import Autoencoder
from pcakd.coarse_to_fine import run_fast
from pcakd.errors import ConfigError
from pcakd.linalg import Statistics
from pcakd.style import Style


def stylize(
    student: Autoencoder,
    content: Float[Tensor, "3 h w"],
    style: Float[Tensor, "3 h2 w2"] | Style | Sequence[Statistics],
    *,
    transform: str = "zca",
    strength: float = 1.0,
    on_step: Callable[[], object] = lambda: None,
) -> Float[Tensor, "3 h w"]:
    """Give a photograph the style of another one.

    Args:
        student: A student, or another autoencoder of four block pairs.
        content: RGB in [0, 1], at least 16 × 16, on the student's device.
        style: The same, of any other size; or a style that was measured before.
        transform: ``zca``, ``ot`` or ``adain``.
        strength: s in [0, 1]: at each tap F' = (1 - s) F + s T(F).
        on_step: Called ``NUM_STEPS`` times on the way, for a progress bar.

    Returns:
        RGB in [0, 1], of the size of ``content``.

    Raises:
        ShapeError: An image is not 3 × h × w, or smaller than 16 pixels.
        ConfigError: The strength is not in [0, 1], or another student made the style.
        UnknownNameError: There is no such transform.
    """
    if not 0.0 <= strength <= 1.0:
        raise ConfigError(f"strength must lie in [0, 1], got {strength}")
    targets = style.statistics_for(student) if isinstance(style, Style) else style
    return run_fast(
        student, content, targets, transform=transform, strength=strength, on_step=on_step
    )
