"""Eigenbases of a teacher over training photographs, each process seeing its share of them."""

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


def fit_eigenbases(
    backbone: Backbone,
    photos: Photos,
    *,
    rule: RankRule,
    images: int,
    device: torch.device,
    normalized: bool,
) -> tuple[list[Eigenbasis], list[Tensor]]:
    """Normalise a teacher (in place, where it is to be) and fit its global eigenbases.

    Args:
        backbone: The teacher, on the device.
        photos: Where the crops come from: the centres of training photographs, 256 px.
        rule: How ranks are chosen.
        images: How many photographs to use at most.
        device: Where to compute.
        normalized: Whether Gatys' normalisation belongs to this teacher.

    Returns:
        Four eigenbases, and the channel means that the teacher was divided by (or nothing).

    Raises:
        ConfigError: Fewer photographs than processes, or a rank that a tap has no channels for.
    """
    paths = photos.sample(images)
    if len(paths) < world_size():
        raise ConfigError(
            f"{len(paths)} of the photographs make the eigenbases, too few for {world_size()} "
            "processes; add photographs, raise --basis-images or start fewer processes"
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
        # put in the order of the photographs, so that the number of processes changes no bit
        found = gather_in_order(found, total=len(paths))
        means = [torch.stack(tap).mean(dim=0) for tap in zip(*found, strict=True)]
        normalize_activations(backbone, means)
    streams = measure_covariances(backbone, crops("covariances"))
    for stream in streams:
        stream.combine(sum_over_ranks)
    fitted = [fit_eigenbasis(s, tap=tap, rule=rule) for tap, s in enumerate(streams, start=1)]
    return fitted, means
