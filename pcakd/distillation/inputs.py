"""What a distillation starts from: photographs, teacher, and perhaps spectra and a student."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from pcakd.backbones import Backbone, create_backbone, identify_teacher
from pcakd.distillation.config import DistillConfig
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.parallel import is_writer, wait_for_all
from pcakd.distillation.recipe import OF_LAST_PHASE
from pcakd.distillation.run_files.card import digest_manifest
from pcakd.distillation.run_files.checkpoint import CHECKPOINT
from pcakd.distillation.run_files.session import describe_session
from pcakd.distillation.run_files.shared import SESSION, SharedPhases
from pcakd.distillation.start import load_start
from pcakd.eigenbases import RankRule, SpectraFile, load_spectra
from pcakd.errors import ConfigError
from pcakd.students import Student
from pcakd.utils.factories import PREFIX

_SMOKE_PHOTOS = 64  # of the folder: decoding and hashing thousands takes minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a training starts from.

    Attributes:
        config: The configuration.
        device: The device of the training.
        photos: The photographs.
        manifest: SHA-256 of each training photograph by its name.
        teacher: The teacher; normalised later, with the eigenbases.
        perceptual: The backbones of the perceptual losses.
        spectra: Spectra to cut the eigenbases out of; None fits them.
        spectra_hash: SHA-256 of their file.
        start: The student to start from, of low rank if that is wanted.
        start_hash: Hash of the weights of the student to start from, before it had low rank.
    """

    config: DistillConfig
    device: torch.device
    photos: Photos
    manifest: Mapping[str, str]
    teacher: Backbone
    perceptual: tuple[Backbone, ...]
    spectra: SpectraFile | None = None
    spectra_hash: str | None = None
    start: Student | None = None
    start_hash: str | None = None

    @property
    def rank_rule(self) -> RankRule:
        """The rule that chooses the ranks; a student to start from has them."""
        return (
            self.config.rank_rule if self.start is None else RankRule(ranks=self.start.spec.ranks)
        )

    def shared_phases(self) -> SharedPhases | None:
        """Return where the phases before the last one are shared, if they are.

        Code of others has no version here, and a trial of a set-up only warns of a collapse.
        """
        config = self.config
        own_code = not config.backbone.startswith(PREFIX)
        if config.shared is None or self.start is not None or config.smoke or not own_code:
            return None
        settings = {k: v for k, v in self.fingerprint().items() if k not in ("name", "perceptual")}
        recipe = {k: v for k, v in settings["recipe"].items() if k not in OF_LAST_PHASE}
        held_out = [hashlib.sha256(path.read_bytes()).hexdigest() for path in self.photos.held_out]
        session = describe_session(self.device)
        settings |= {"recipe": recipe, "held_out": held_out, SESSION: session}
        return SharedPhases(Path(config.shared), settings)

    def fingerprint(self) -> dict[str, Any]:
        """Return the settings that must be the same when the training resumes."""
        config = self.config
        rule = self.rank_rule
        start: dict[str, Any] = {}
        if self.start is not None:
            start = {"start": self.start_hash, "low_rank": config.low_rank}
        return {
            "backbone": config.backbone,
            "name": config.stem,
            "teacher": identify_teacher(self.teacher) or "seeded",
            "perceptual": "+".join(
                each.card.sha256 if each.card else "seeded" for each in self.perceptual
            ),
            "photos": digest_manifest(self.manifest),
            "recipe": config.settings.to_json(),
            "ranks": list(rule.ranks or ()),
            "mcev": rule.mcev,
            "explained": rule.explained,
            **({} if self.spectra_hash is None else {"bases": self.spectra_hash}),
            **({} if config.architecture is None else {"architecture": config.architecture}),
            **start,
        }


def load_inputs(config: DistillConfig) -> Inputs:
    """Load all that a distillation starts from; the photographs are checked unless it resumes.

    Raises:
        PcakdError: A photograph, weights, spectra or a student cannot be used.
    """
    recipe, device = config.settings, config.resolve_device()
    spectra = None if config.bases is None else load_spectra(config.bases)
    photos = Photos(
        config.photo_folder,
        held_out=recipe.held_out,
        seed=recipe.seed,
        most=_SMOKE_PHOTOS if config.smoke else None,
    )
    if is_writer() and not (config.folder / CHECKPOINT).is_file():
        photos.check()
    wait_for_all()
    weight_set, path = config.split_weights()
    teacher = create_backbone(config.backbone, weight_set=weight_set, path=path, seed=recipe.seed)
    start, start_hash = None, None
    if config.start is not None:
        start, start_hash = load_start(config, config.start, teacher)
    perceptual = [create_backbone(name, seed=recipe.seed) for name in recipe.perceptual_backbones]
    return Inputs(
        config=config,
        device=device,
        photos=photos,
        manifest=photos.manifest(),
        teacher=teacher.to(device),
        perceptual=tuple(each.to(device) for each in perceptual),
        spectra=spectra,
        spectra_hash=None if config.bases is None else _hash_file(config.bases),
        start=start,
        start_hash=start_hash,
    )


def _hash_file(path: str | PathLike[str]) -> str:
    """Return the SHA-256 of a file.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
