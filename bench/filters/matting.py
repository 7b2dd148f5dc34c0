"""PhotoWCT's smoothing: the second step of its stylization, on the content's matting Laplacian.

Source: Li, Liu, Li, Yang and Kautz, "A Closed-form Solution to Photorealistic Image Stylization",
ECCV 2018, section 3.2, equations 5 to 7, with the affinities of Levin, Lischinski and Weiss, "A
Closed-Form Solution to Natural Image Matting", TPAMI 2008, equation 12.
"""

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from bench.profiling.uncounted import mark_uncounted
from pcakd.errors import NumericalError, ShapeError
from pcakd.utils.sections import section

if TYPE_CHECKING:
    from scipy.sparse import dia_array

BETA = 0.9999
"""The share of the affinities; 1 - β is that of the image itself."""

_RADIUS = 1  # of a window, in pixels
_SIDE = 2 * _RADIUS + 1
_WINDOW = _SIDE**2
_EPSILON = 1e-7  # keeps the covariance of a window's colours invertible, as in the released code
_REACH = 2 * _RADIUS  # of a pixel's neighbours, in rows and columns
_BAND_ROWS = 64
_TOLERANCE = 1e-5  # of the residual, as a share of the image: its root mean square, not its maximum
_MAX_STEPS = 10_000

SETTINGS = f"{BETA} {_EPSILON} {_SIDE} {_TOLERANCE}"
"""What results depend on."""

Planes = NDArray[np.float64]


def smooth_by_matting(
    image: Float[Tensor, "3 h w"], guide: Float[Tensor, "3 h w"]
) -> Float[Tensor, "3 h w"]:
    """Smooth an image where its guide has smooth colours, on the CPU.

    The result R minimises Σ w_ij ‖r_i/√d_i - r_j/√d_j‖² / 2 + (1/β - 1) Σ ‖r_i - y_i‖²: it is
    (1 - β) (I - β D^-½ W D^-½)^-1 Y, with W the matting affinities of the guide in windows of
    3 × 3, D their row sums, Y the image and β = 0.9999.

    Args:
        image: RGB in [0, 1].
        guide: RGB in [0, 1], of the same size; here the content.

    Returns:
        RGB clipped to [0, 1], on the device and of the type of ``image``.

    Raises:
        ShapeError: The two differ in size.
        NumericalError: The image or the guide is not finite.

    Source: see the module. Departures: the linear systems are solved by conjugate gradients to a
        residual of 1e-5, where the released code factorises a sparse matrix; two repeated pixels
        are added at each border before and dropped after, where the code first crops as many, so
        that the image keeps its border; the image is not rounded to 8 bits before. The code's
        later edge-preserving filter (radius 15), which runs on CUDA only, is left out.
    """
    if image.shape != guide.shape:
        raise ShapeError(f"guide is {tuple(guide.shape)}, image is {tuple(image.shape)}")
    with section("filter"):
        return _smooth(image, guide)


def _smooth_in_numpy(image: Tensor, guide: Tensor) -> Tensor:
    from scipy.sparse import diags_array  # slow to import
    from scipy.sparse.linalg import cg

    border = ((_REACH, _REACH), (_REACH, _REACH), (0, 0))
    colours, values = (
        np.pad(each.detach().cpu().double().permute(1, 2, 0).numpy(), border, mode="edge")
        for each in (guide, image)
    )
    if not np.isfinite(colours).all() or not np.isfinite(values).all():
        raise NumericalError("the image or its guide is not finite; check what made them")
    matrix, degrees = create_system(colours)
    roots = np.sqrt(degrees).ravel()
    inverse = diags_array(1.0 / degrees.ravel())
    result = np.empty_like(values)
    for channel in range(values.shape[-1]):
        start = values[..., channel].ravel()
        found, status = cg(
            matrix,
            (1.0 - BETA) * roots * start,
            x0=start / roots,
            rtol=_TOLERANCE,
            M=inverse,
            maxiter=_MAX_STEPS,
        )
        if status:
            raise NumericalError(f"the smoothing does not converge in {_MAX_STEPS} steps")
        result[..., channel] = (roots * found).reshape(values.shape[:2])
    inner = result[_REACH:-_REACH, _REACH:-_REACH]
    smooth = torch.from_numpy(inner).permute(2, 0, 1).clamp(0.0, 1.0)
    return smooth.to(device=image.device, dtype=image.dtype)


_smooth = mark_uncounted("solve_matting", _smooth_in_numpy)


def create_system(guide: NDArray[np.float64]) -> "tuple[dia_array, Planes]":
    """Return D - β W for a guide, and the diagonal of D.

    Args:
        guide: RGB in [0, 1], ``h × w × 3``, at least 5 × 5.

    Returns:
        A symmetric positive definite matrix of a row for each pixel, by its diagonals, and row sums
        ``h × w`` of the affinities: the number of windows around each pixel.
    """
    from scipy.sparse import dia_array

    height, width = guide.shape[:2]
    span = 2 * _REACH + 1
    planes = np.zeros((span, span, height, width))  # the affinity to each neighbour
    degrees = np.zeros((height, width))
    places = list(product(range(_SIDE), repeat=2))
    for top, affinities in _window_affinities(guide):
        rows, columns = affinities.shape[:2]
        for (y, x), own in zip(places, range(_WINDOW), strict=True):
            here = np.s_[top + y : top + y + rows, x : x + columns]
            degrees[here] += 1.0
            for (other_y, other_x), other in zip(places, range(_WINDOW), strict=True):
                plane = planes[other_y - y + _REACH, other_x - x + _REACH]
                plane[here] += affinities[..., own, other]
    planes *= -BETA
    planes[_REACH, _REACH] += degrees
    # SciPy keeps column j of a diagonal at j; the matrix is symmetric, so that is row j at -offset
    offsets = [
        (_REACH - row) * width + _REACH - column for row, column in product(range(span), repeat=2)
    ]
    size = height * width
    matrix = dia_array((planes.reshape(span * span, size), offsets), shape=(size, size))
    return matrix, degrees


def _window_affinities(guide: NDArray[np.float64]) -> Iterator[tuple[int, Planes]]:
    """Yield the row of the first window of a band, and affinities ``rows × columns × 9 × 9``."""
    for top in range(0, guide.shape[0] - _SIDE + 1, _BAND_ROWS):
        band = guide[top : top + _BAND_ROWS + _SIDE - 1]
        windows = np.lib.stride_tricks.sliding_window_view(band, (_SIDE, _SIDE), axis=(0, 1))
        colours = windows.reshape(*windows.shape[:2], -1, _WINDOW)
        centred = colours - colours.mean(axis=-1, keepdims=True)
        covariance = centred @ centred.swapaxes(-1, -2) / _WINDOW
        regular = covariance + _EPSILON / _WINDOW * np.eye(guide.shape[-1])
        slopes = np.linalg.inv(regular) @ centred
        yield top, (1.0 + centred.swapaxes(-1, -2) @ slopes) / _WINDOW
