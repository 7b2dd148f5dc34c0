"""Reads photographs once and keeps the moments of each at all taps."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from pcakd.analysis.spool import CovarianceSpool, TapMoments
from pcakd.backbones import Backbone
from pcakd.eigenbases.sources import read_batches
from pcakd.errors import NumericalError
from pcakd.images.crops import is_flat
from pcakd.linalg import accumulation_dtype
from pcakd.utils.precision import full_precision

SILENT = 1e-6  # as in `pcakd.backbones.normalize_activations`: a dead channel keeps its scale


def digest_photographs(paths: Sequence[Path]) -> str:
    """Return a SHA-256 of the names and sizes of files, which tells one set from another."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0{path.stat().st_size}\n".encode())
    return digest.hexdigest()


def collect(
    spool: CovarianceSpool, backbone: Backbone, paths: Sequence[Path], *, crop: int
) -> None:
    """Append the photographs that a spool does not have yet.

    Args:
        spool: The file of moments.
        backbone: The teacher, without Gatys' normalisation.
        paths: All photographs.
        crop: Side in pixels of the central square that is cut out of each.

    Raises:
        ImageError: A file cannot be read or is too narrow to crop.
        NumericalError: Features are not finite, or all photographs are of one colour each.
        OutputError: The disk is full.
    """
    device = next(backbone.parameters()).device
    left = paths[len(spool) :]
    batches = read_batches(left, backbone, crop=crop)
    bar = tqdm(batches, total=len(paths), initial=len(spool), desc="photographs", unit="photo")
    all_flat = not len(spool)
    with torch.inference_mode(), full_precision(), bar:
        for path, batch in zip(left, bar, strict=True):
            all_flat = all_flat and is_flat(batch)
            taps = backbone(batch.to(device, memory_format=torch.channels_last))
            moments = [_measure(tap[0]) for tap in taps]
            _require_finite(path, backbone, moments)
            spool.append(moments)
    if all_flat:
        spool.remove()
        raise NumericalError(
            "the photographs are of one colour each: there is no variance to explain; use others"
        )


def _require_finite(path: Path, backbone: Backbone, moments: Sequence[TapMoments]) -> None:
    for name, each in zip(backbone.taps, moments, strict=True):
        if not bool(each.covariance.float().isfinite().all()):
            raise NumericalError(
                f"{path}: the features of {name} are not finite, or too large for a covariance in "
                "float32; check the weights of the teacher"
            )


def channel_means(spool: CovarianceSpool, num_taps: int) -> list[Float[Tensor, " c"]]:
    """Return the mean activation of each channel over photographs, for Gatys' normalisation."""
    means = []
    for tap in range(1, num_taps + 1):
        total = sum((moments.mean for moments in spool.read(tap)), start=torch.tensor(0.0))
        means.append(total / len(spool))
    return means


def scale_of(means: Float[Tensor, " c"]) -> Float[Tensor, " c"]:
    """Return what Gatys' normalisation divides channels by."""
    return torch.where(means > SILENT, means, 1.0)


def _measure(features: Float[Tensor, "c h w"]) -> TapMoments:
    pixels = features.flatten(1).to(accumulation_dtype(features.device))
    mean = pixels.mean(dim=1)
    centred = pixels - mean[:, None]
    covariance = centred @ centred.mT / pixels.shape[1]
    return TapMoments(mean=mean.cpu(), covariance=covariance.cpu())
