"""The eigenbases of a distillation: fitted by all processes, cut out of spectra, or read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from pcakd.backbones import (
    Backbone,
    get_backbone_entry,
    measure_channel_means,
    normalize_activations,
)
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.inputs import Inputs
from pcakd.distillation.parallel import (
    gather_in_order,
    is_writer,
    rank,
    sum_over_ranks,
    wait_for_all,
    world_size,
)
from pcakd.distillation.run_files.checkpoint import CHECKPOINT
from pcakd.distillation.run_files.shared import EIGENBASES
from pcakd.eigenbases import (
    Eigenbasis,
    RankRule,
    SpectraFile,
    fit_eigenbasis,
    load_eigenbases,
    measure_covariances,
    save_eigenbases,
)
from pcakd.errors import ConfigError
from pcakd.utils.precision import full_precision
from pcakd.weights.hashing import hash_tensors

_CROP = 256


def provide_eigenbases(
    inputs: Inputs, fingerprint: Mapping[str, Any]
) -> tuple[list[Eigenbasis], list[Tensor]]:
    """Fit the eigenbases, or cut them out of spectra, or read those of the run that resumes.

    The teacher is normalised in place, if its kind is; the first process writes the eigenbases.

    Args:
        inputs: What the training starts from.
        fingerprint: Its settings; eigenbases of others are not read.

    Returns:
        Four eigenbases on the device of the training, and the channel means of the normalisation
        (empty without it).

    Raises:
        PcakdError: The eigenbases cannot be made of these inputs, or not be written.
    """
    config = inputs.config
    path = config.folder / EIGENBASES
    wanted = json.loads(json.dumps(fingerprint))
    normalized = get_backbone_entry(config.backbone).normalized
    if (config.folder / CHECKPOINT).is_file() and path.exists():
        fitted, means, card = load_eigenbases(path)
        if card == wanted:
            if normalized:
                normalize_activations(inputs.teacher, means)
            return _move(fitted, inputs.device), means
    if inputs.spectra is not None:
        fitted, means = _cut_out(inputs, inputs.spectra)
    else:
        known = list(inputs.start.channel_means) if inputs.start else []
        if known:
            normalize_activations(inputs.teacher, known)
        fitted, means = fit_over_processes(
            inputs.teacher,
            inputs.photos,
            rule=inputs.rank_rule,
            images=config.settings.basis_images,
            device=inputs.device,
            normalized=normalized and not known,
        )
        means = known or means
    if inputs.start is not None:  # signs and order of the directions that it learned
        fitted = [
            replace(each, basis=basis.to(each.basis))
            for each, basis in zip(fitted, inputs.start.eigenbases, strict=True)
        ]
    wait_for_all()  # no process reads the file any more when the writer replaces it
    if is_writer():
        save_eigenbases(path, fitted, channel_means=means, card=wanted)
    return _move(fitted, inputs.device), means


def _cut_out(inputs: Inputs, file: SpectraFile) -> tuple[list[Eigenbasis], list[Tensor]]:
    """Cut the eigenbases out of spectra; the teacher is normalised as it was for them.

    Raises:
        ConfigError: The spectra are of another teacher, or a rank exceeds the channels of its tap.
    """
    rule = inputs.config.rank_rule
    if file.card.get("tensors") != hash_tensors(inputs.teacher.state_dict()):
        raise ConfigError(
            f"{inputs.config.bases} has the spectra of another teacher "
            f"({file.card.get('backbone')}); make them with `pcakd analyze` and the same "
            "--backbone, --weights and --seed"
        )
    if file.channel_means:
        normalize_activations(inputs.teacher, file.channel_means)
    fitted = [
        spectrum.truncate(spectrum.choose_rank(rule, tap=tap))
        for tap, spectrum in enumerate(file.spectra, start=1)
    ]
    return fitted, list(file.channel_means)


def _move(eigenbases: list[Eigenbasis], device: torch.device) -> list[Eigenbasis]:
    return [
        Eigenbasis(
            basis=e.basis.to(device), eigenvalues=e.eigenvalues, mcev=e.mcev, explained=e.explained
        )
        for e in eigenbases
    ]


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
