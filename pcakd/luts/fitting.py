"""Fits a look-up table to what a student did to photographs.

The table is an affine map of the colours, fitted by least squares, plus a residual at each grid
point. The residual minimises

    Σ over pixels ‖result - table(colour)‖² / N + s · (mean of ‖differences of neighbours‖²)
        + 0.001 · s · (mean of ‖residual‖²),

a membrane: where photographs have no colours the residual is a smooth continuation that falls off
towards the affine map, so colours that appear in other frames of a film keep their order.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from pcakd.errors import ConfigError, NumericalError, ShapeError
from pcakd.luts.table import LEAST_SIZE, MOST_SIZE, Lut, apply_lut
from pcakd.utils.extras import require_extra

DEFAULT_SIZE = 33
DEFAULT_SMOOTHNESS = 0.1

_PULL = 1e-3  # of the residual to zero, against the membrane
_TOLERANCE = 1e-5
_MOST_ITERATIONS = 4000
_HELD_OUT = 10  # every tenth sample checks the fit

Array = NDArray[np.float64]


class ColourSamples:
    """Pairs of colours before and after, drawn from photographs.

    Args:
        per_photograph: Most pixels to draw from each; a fit needs about 700 bytes for each pixel.
        seed: Which pixels.
    """

    def __init__(self, *, per_photograph: int = 200_000, seed: int = 0) -> None:
        self._most = per_photograph
        self._generator = torch.Generator().manual_seed(seed)
        self._before: list[Tensor] = []
        self._after: list[Tensor] = []

    def add(self, content: Float[Tensor, "3 h w"], result: Float[Tensor, "3 h w"]) -> None:
        """Draw pixels of a photograph and of what it became.

        Raises:
            ShapeError: They differ in size.
        """
        if content.shape != result.shape or content.dim() != 3:
            raise ShapeError(
                f"content and result differ: {tuple(content.shape)} and {tuple(result.shape)}"
            )
        count = content[0].numel()
        chosen = torch.randperm(count, generator=self._generator)[: self._most]
        for image, kept in ((content, self._before), (result, self._after)):
            kept.append(image.cpu().flatten(1)[:, chosen].T.double())

    @property
    def before(self) -> Float[Tensor, "n 3"]:
        """The colours before."""
        return torch.cat(self._before) if self._before else torch.empty(0, 3).double()

    @property
    def after(self) -> Float[Tensor, "n 3"]:
        """The colours after."""
        return torch.cat(self._after) if self._after else torch.empty(0, 3).double()


@dataclass(frozen=True, slots=True, kw_only=True)
class LutFit:
    """A fitted table and how near it comes to the student.

    Attributes:
        lut: The table.
        error: Mean absolute error on pixels that the fit did not see, in [0, 1].
        change: Mean absolute change of these pixels by the student, for comparison.
    """

    lut: Lut
    error: float
    change: float


def fit_lut(
    samples: ColourSamples, *, size: int = DEFAULT_SIZE, smoothness: float = DEFAULT_SMOOTHNESS
) -> LutFit:
    """Fit a look-up table to pairs of colours.

    A table maps each colour to one other. What a student does to a colour depends on where it is,
    so it loses local contrast and texture.

    Args:
        samples: Colours before and after.
        size: Points a side.
        smoothness: s above, positive; larger is smoother and further from the student.

    Raises:
        ConfigError: The size or the smoothness is out of range.
        NumericalError: There are too few samples, or some are not finite.
        MissingExtraError: SciPy is not installed.
    """
    if not LEAST_SIZE <= size <= MOST_SIZE:
        raise ConfigError(f"size must be {LEAST_SIZE} to {MOST_SIZE}, got {size}")
    if not 0.0 < smoothness < float("inf"):
        raise ConfigError(f"smoothness must be positive, got {smoothness}")
    before, after = samples.before.numpy(), samples.after.numpy()
    if len(before) < 2 * _HELD_OUT or not (np.isfinite(before).all() and np.isfinite(after).all()):
        raise NumericalError("a look-up table needs 20 pixels or more, all of them finite")
    seen = np.arange(len(before)) % _HELD_OUT != 0
    affine = _fit_affine(before[seen], after[seen])
    axis = np.linspace(0.0, 1.0, size)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    rest = after[seen] - _apply_affine(affine, before[seen])
    values = _apply_affine(affine, grid) + _fit_residual(before[seen], rest, size, smoothness)
    lut = Lut(values=torch.from_numpy(values.clip(0.0, 1.0)).float().reshape(size, size, size, 3))
    checked = torch.from_numpy(before[~seen]).float().T[:, None]
    mapped = apply_lut(lut, checked)[:, 0].T.double().numpy()
    return LutFit(
        lut=lut,
        error=float(np.abs(mapped - after[~seen]).mean()),
        change=float(np.abs(before[~seen] - after[~seen]).mean()),
    )


def _fit_affine(before: Array, after: Array) -> Array:
    """Return a 4 × 3 matrix that maps colours and a constant, by least squares near the identity.

    Photographs of one colour leave the rest of the map undecided: it stays the identity there.
    """
    near = 1e-6 * len(before)
    design = np.column_stack([before, np.ones(len(before))])
    identity = np.eye(4, 3)
    change = np.linalg.solve(
        design.T @ design + near * np.eye(4), design.T @ (after - design @ identity)
    )
    return np.asarray(identity + change)


def _apply_affine(affine: Array, colours: Array) -> Array:
    return np.asarray(colours @ affine[:3] + affine[3])


def _fit_residual(before: Array, rest: Array, size: int, smoothness: float) -> Array:
    """Return the residual at each grid point: the minimiser of the membrane's energy."""
    sparse = require_extra("analyze", "scipy.sparse", "pcakd lut")
    linalg = require_extra("analyze", "scipy.sparse.linalg", "pcakd lut")
    weights = _trilinear_weights(sparse, before, size)
    points = size**3
    normal = weights.T @ weights / len(before)
    normal = normal + smoothness / points * (_membrane(sparse, size) + _PULL * sparse.eye(points))
    normal = normal.tocsr()
    target = weights.T @ rest / len(before)
    inverse_diagonal = 1.0 / normal.diagonal()
    precondition = linalg.LinearOperator(normal.shape, lambda x: inverse_diagonal * x.ravel())
    columns = [
        linalg.cg(
            normal, target[:, channel], rtol=_TOLERANCE, maxiter=_MOST_ITERATIONS, M=precondition
        )[0]
        for channel in range(3)
    ]
    return np.column_stack(columns)


def _trilinear_weights(sparse: Any, colours: Array, size: int) -> Any:
    """Return the matrix, pixels × grid points, of trilinear interpolation."""
    scaled = colours.clip(0.0, 1.0) * (size - 1)
    low = np.minimum(scaled.astype(np.int64), size - 2)
    part = scaled - low
    rows, columns, values = [], [], []
    for corner in np.ndindex(2, 2, 2):
        place = low + np.array(corner)
        columns.append((place[:, 0] * size + place[:, 1]) * size + place[:, 2])
        values.append(np.where(corner, part, 1.0 - part).prod(axis=1))
        rows.append(np.arange(len(colours)))
    shape = len(colours), size**3
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_matrix(entries, shape=shape)


def _membrane(sparse: Any, size: int) -> Any:
    """Return the matrix whose quadratic form sums squared differences of grid neighbours."""
    step = sparse.diags([-np.ones(size - 1), np.ones(size - 1)], [0, 1], shape=(size - 1, size))
    line, same = step.T @ step, sparse.eye(size)
    return (
        sparse.kron(sparse.kron(line, same), same)
        + sparse.kron(sparse.kron(same, line), same)
        + sparse.kron(sparse.kron(same, same), line)
    ) * (size - 1)
