"""Eigenbases of a teacher over training photographs, computed by all processes together."""

from collections.abc import Iterator

import torch
from torch import Tensor
from tqdm import tqdm

from pcakd.backbones import Backbone, measure_channel_means, normalize_activations
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.parallel import (
    gather_in_order,
    is_writer,
    rank,
    sum_over_ranks,
    world_size,
)
from pcakd.eigenbases import Eigenbasis, RankRule, fit_eigenbasis, measure_covariances
from pcakd.errors import ConfigError
from pcakd.utils.precision import full_precision

_CROP = 256


def fit_over_processes(
    backbone: Backbone,
    photos: Photos,
    *,
    rule: RankRule,
    images: int,
    device: torch.device,
    normalized: bool,
) -> tuple[list[Eigenbasis], list[Tensor]]:
    """Fit the global eigenbases of a teacher; each process handles a part of the photographs.

    Args:
        backbone: The teacher, on the device. It is normalised in place if ``normalized`` is set.
        photos: Training photographs; their central crops of 256 px are used.
        rule: Chooses the ranks.
        images: Most photographs to use.
        device: Device to compute on.
        normalized: Whether to apply Gatys' normalisation to the teacher first.

    Returns:
        Four eigenbases, and the channel means of the normalisation (empty without it).

    Raises:
        ConfigError: There are fewer photographs than processes, or a rank exceeds the number of
            channels of its tap.
    """
    paths = photos.sample(images)
    if len(paths) < world_size():
        raise ConfigError(
            f"{len(paths)} photographs for the eigenbases are too few for {world_size()} "
            "processes; add photographs, raise basis_images or start fewer processes"
        )
    own = paths[rank() :: world_size()]

    def crops(title: str) -> Iterator[Tensor]:
        batches = photos.centre_crops(own, size=1, crop=_CROP)
        for batch in tqdm(
            batches, total=len(own), desc=title, unit="photo", disable=not is_writer()
        ):
            yield batch.to(device, memory_format=torch.channels_last)

    means: list[Tensor] = []
    if normalized:
        with full_precision():
            found = [measure_channel_means(backbone, [crop]) for crop in crops("channel means")]
        # in the order of the photographs, so that the number of processes changes no bit
        found = gather_in_order(found, total=len(paths))
        means = [torch.stack(tap).mean(dim=0) for tap in zip(*found, strict=True)]
        normalize_activations(backbone, means)
    streams = measure_covariances(backbone, crops("covariances"))
    for stream in streams:
        stream.combine(sum_over_ranks)
    fitted = [fit_eigenbasis(s, tap=tap, rule=rule) for tap, s in enumerate(streams, start=1)]
    return fitted, means
