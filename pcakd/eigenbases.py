"""Global eigenbases: the principal subspaces that a student's taps are distilled through.

This module knows no network: it sees the features of a tap, image by image.

Source: Chiu and Gurari, CVPR 2022, section 3.2. The authors minimise the mean over images of
‖F̄ - W Wᵀ F̄‖² / N by Adam. The minimiser is known: the top eigenvectors of the average
within-image covariance, each image's divided by its own N; so one streaming pass in float64 and
one ``eigh`` fit it exactly.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.errors import ConfigError, PcakdError, ShapeError
from pcakd.utils.files import read_safetensors, write_safetensors

_HEADER = "pcakd"
FORMAT = "pcakd-eigenbases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Eigenbasis:
    """The eigenbasis of one tap.

    Attributes:
        basis: W, ``C × k``, float32, orthonormal columns, sorted by falling eigenvalue; the entry
            of largest magnitude of each column is positive.
        eigenvalues: All C eigenvalues of the average within-image covariance, falling, float64.
        mcev: For each image the share of its own variance that its own top k components hold,
            averaged over images.
        explained: The share of the average variance that this global basis holds.
    """

    basis: Float[Tensor, "c k"]
    eigenvalues: Float[Tensor, " c"]
    mcev: float
    explained: float

    @property
    def rank(self) -> int:
        """k, the number of columns."""
        return self.basis.shape[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRule:
    """How the rank of a tap is chosen: exactly one of the three is given.

    Attributes:
        ranks: Explicit ranks, one a tap.
        mcev: Smallest k whose mean cumulative explained variance reaches this, in (0, 1].
        explained: Smallest k for which the global basis explains this share, in (0, 1].

    Raises:
        ConfigError: Not exactly one rule is given, or a target is outside (0, 1].
    """

    ranks: tuple[int, ...] | None = None
    mcev: float | None = None
    explained: float | None = None

    def __post_init__(self) -> None:
        if sum(rule is not None for rule in (self.ranks, self.mcev, self.explained)) != 1:
            raise ConfigError("give exactly one of explicit ranks, an mcev or an explained target")
        for name, target in (("mcev", self.mcev), ("explained", self.explained)):
            if target is not None and not 0.0 < target <= 1.0:
                raise ConfigError(f"the {name} target must lie in (0, 1], got {target}")


class CovarianceStream:
    """Averages one tap's within-image covariances and explained-variance curves, in float64."""

    def __init__(self) -> None:
        self.images = 0
        self._covariance: Tensor | None = None
        self._curve: Tensor | None = None

    def update(self, features: Float[Tensor, "b c h w"]) -> None:
        """Add a batch of feature maps; images may differ in size between calls.

        Raises:
            ShapeError: The input is not four-dimensional, or its channels changed.
        """
        if features.dim() != 4 or features.numel() == 0:
            raise ShapeError(
                f"expected features of shape (b, c, h, w), got {tuple(features.shape)}"
            )
        if features.device.type == "mps":  # which has no float64
            features = features.cpu()
        for pixels in features.flatten(2):
            wide = pixels.double()
            wide = wide - wide.mean(dim=1, keepdim=True)
            self._add((wide @ wide.mT / wide.shape[1]).cpu())

    def _add(self, covariance: Float[Tensor, "c c"]) -> None:
        values = torch.linalg.eigvalsh(covariance).flip(0).clamp_min(0.0)
        total = values.sum()
        # a flat image has no variance to explain: every rank holds all of it
        curve = values.cumsum(0) / total if total > 0 else torch.ones_like(values)
        if self._covariance is None or self._curve is None:
            self._covariance, self._curve = torch.zeros_like(covariance), torch.zeros_like(curve)
        if covariance.shape != self._covariance.shape:
            raise ShapeError(
                f"features changed from {len(self._covariance)} to {len(covariance)} channels"
            )
        self._covariance += covariance
        self._curve += curve
        self.images += 1

    def combine(self, sum_all: Callable[[Tensor], Tensor]) -> None:
        """Take in what other processes saw.

        Args:
            sum_all: Sums a tensor over all processes.

        Raises:
            ShapeError: This one has seen no image.
        """
        if self._covariance is None or self._curve is None:
            raise ShapeError("no image was seen: an eigenbasis needs at least one")
        self._covariance, self._curve = sum_all(self._covariance), sum_all(self._curve)
        self.images = int(sum_all(torch.tensor(self.images)))

    @property
    def covariance(self) -> Float[Tensor, "c c"]:
        """The average within-image covariance so far."""
        if self._covariance is None:
            raise ShapeError("no image was seen: an eigenbasis needs at least one")
        return self._covariance / self.images

    @property
    def mcev_curve(self) -> Float[Tensor, " c"]:
        """Mean cumulative explained variance at ranks 1 to C."""
        if self._curve is None:
            raise ShapeError("no image was seen: an eigenbasis needs at least one")
        return self._curve / self.images


def fit_eigenbasis(stream: CovarianceStream, *, tap: int, rule: RankRule) -> Eigenbasis:
    """Factorise the average covariance and keep as many columns as the rule asks for.

    Args:
        stream: What was seen of the tap.
        tap: 1 to 4, which of the explicit ranks applies.
        rule: How the rank is chosen.

    Raises:
        ConfigError: The rank is not between 1 and the number of channels.
    """
    values, vectors = torch.linalg.eigh(stream.covariance)
    values, vectors = values.flip(0).clamp_min(0.0), vectors.flip(1)
    total = values.sum()
    explained = values.cumsum(0) / total if total > 0 else torch.ones_like(values)
    rank = _choose_rank(rule, tap, stream.mcev_curve, explained)
    columns = vectors[:, :rank]
    peaks = columns.gather(0, columns.abs().argmax(dim=0, keepdim=True))
    return Eigenbasis(
        basis=(columns * peaks.sign()).float().contiguous(),
        eigenvalues=values,
        mcev=float(stream.mcev_curve[rank - 1]),
        explained=float(explained[rank - 1]),
    )


def _choose_rank(rule: RankRule, tap: int, mcev_curve: Tensor, explained: Tensor) -> int:
    channels = len(explained)
    if rule.ranks is not None:
        rank = rule.ranks[tap - 1]
        if not 1 <= rank <= channels:
            raise ConfigError(f"rank {rank} of tap {tap} is not between 1 and {channels}")
        return rank
    target, curve = (
        (rule.mcev, mcev_curve) if rule.mcev is not None else (rule.explained, explained)
    )
    reached = curve >= float(target or 1.0) - 1e-12
    return int(reached.int().argmax()) + 1 if bool(reached.any()) else channels


def save_eigenbases(
    path: str | os.PathLike[str],
    eigenbases: Sequence[Eigenbasis],
    *,
    channel_means: Sequence[Tensor] = (),
    card: dict[str, Any],
) -> None:
    """Write eigenbases, the teacher's normalisation and a card as safetensors, atomically.

    Raises:
        OutputError: The place cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for tap, eigenbasis in enumerate(eigenbases, start=1):
        tensors[f"basis.{tap}"] = eigenbasis.basis
        tensors[f"eigenvalues.{tap}"] = eigenbasis.eigenvalues
    for tap, means in enumerate(channel_means, start=1):
        tensors[f"channel_means.{tap}"] = means
    scores = [{"mcev": e.mcev, "explained": e.explained} for e in eigenbases]
    header = {"format": FORMAT, "version": 1, "taps": scores, "card": card}
    write_safetensors(path, tensors, {_HEADER: json.dumps(header, sort_keys=True)})


def load_eigenbases(
    path: str | os.PathLike[str],
) -> tuple[list[Eigenbasis], list[Tensor], dict[str, Any]]:
    """Read what :func:`save_eigenbases` wrote: the eigenbases, the channel means and the card.

    Raises:
        PcakdError: The file is missing, damaged or of another kind.
    """
    tensors, metadata = read_safetensors(path)
    try:
        header = json.loads(metadata[_HEADER])
        if header["format"] != FORMAT:
            raise ValueError(f"format {header['format']!r}")
        eigenbases = [
            Eigenbasis(
                basis=tensors[f"basis.{tap}"],
                eigenvalues=tensors[f"eigenvalues.{tap}"],
                mcev=float(scores["mcev"]),
                explained=float(scores["explained"]),
            )
            for tap, scores in enumerate(header["taps"], start=1)
        ]
        means = [tensors[name] for name in sorted(tensors) if name.startswith("channel_means.")]
        return eigenbases, means, dict(header["card"])
    except (KeyError, TypeError, ValueError) as cause:
        raise PcakdError(f"{path} is not a file of eigenbases ({cause}); use another") from cause
