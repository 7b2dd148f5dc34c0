"""The configuration of a distillation: teacher, photographs, output folder, recipe, device."""

import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import torch

from pcakd.backbones import get_backbone_entry, split_weights
from pcakd.distillation.recipe import FineTuning, Recipe
from pcakd.distillation.recipes import create_recipe
from pcakd.distillation.run_files.checkpoint import CHECKPOINT
from pcakd.distillation.run_files.shared import EIGENBASES
from pcakd.eigenbases import RankRule, default_rank_rule
from pcakd.errors import ConfigError, shorten
from pcakd.students import BLOCK_TYPES, BlockType
from pcakd.utils.devices import resolve_device
from pcakd.utils.files import to_path
from pcakd.utils.registry import unknown_name

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_RESERVED = {Path(file).stem for file in (CHECKPOINT, EIGENBASES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillConfig:
    """The configuration of a distillation.

    Attributes:
        backbone: Name of the teacher: a backbone of this package, ``timm/NAME``, or
            ``python:package.module:factory``.
        data: Folder of photographs to train on.
        output: Folder for the student and all other files; created if it does not exist.
        weights: Weights of the teacher: a weight set, a file, or ``SET=FILE``. None is the
            backbone's first weight set.
        ranks: Ranks of taps 1 to 4.
        mcev: Instead of ``ranks``: choose the smallest ranks with this mean cumulative explained
            variance, in (0, 1].
        explained: Instead of ``ranks``: choose the smallest ranks whose global basis explains this
            share, in (0, 1]. Without any of the three, the paper's ranks are used, or an mcev of
            0.85 for backbones that are not in the paper.
        recipe: All other settings of the training. None is the backbone's default recipe.
        device: Device to train on: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        resume: Whether to continue from the checkpoint in ``output``, if there is one.
        name: Name of the student and of its file. None is the last part of the backbone's name.
        bases: File of spectra that `pcakd analyze` wrote, to cut the eigenbases out of; None fits
            them to photographs of ``data``.
        architecture: Type of the student's blocks, ``conv`` or ``separable``; None is the paper's
            architecture for its backbones, otherwise blocks like the teacher's.
        smoke: Whether failed health checks only warn, for trying a set-up with few steps.
        start: Student to start from, by name or path: its ranks, architecture and eigenbases stay,
            and the stylization phase alone trains it.
        shared: Folder in which trainings that differ in the last phase alone share the phases
            before; None shares nothing. Their code must be the same: uncommitted changes need
            another folder. On a CPU the result is that of a whole training, bit for bit.
        low_rank: With ``start``: rank of the factors that replace its convolutions, as a share of
            their channels, in (0, 1).

    Raises:
        ConfigError: A value is out of range, two rank rules are given, or the device is not on
            this machine.
        UnknownNameError: The backbone or the architecture is not known.
        WeightsError: The weights are no name and no path.

    >>> config = DistillConfig(backbone="tiny", data="photos", output="runs/tiny", device="cpu")
    >>> config.student_path.as_posix()
    'runs/tiny/tiny.safetensors'
    """

    backbone: str
    data: str | PathLike[str]
    output: str | PathLike[str]
    weights: str | PathLike[str] | None = None
    ranks: tuple[int, int, int, int] | None = None
    mcev: float | None = None
    explained: float | None = None
    recipe: Recipe | None = None
    device: str | torch.device = "auto"
    resume: bool = False
    name: str | None = None
    bases: str | PathLike[str] | None = None
    architecture: BlockType | None = None
    smoke: bool = False
    start: str | PathLike[str] | None = None
    low_rank: float | None = None
    shared: str | PathLike[str] | None = None

    def __post_init__(self) -> None:
        get_backbone_entry(self.backbone)
        to_path(self.data, "the photographs", error=ConfigError)
        to_path(self.output, "the output", error=ConfigError)
        if self.bases is not None:
            to_path(self.bases, "the spectra", error=ConfigError)
        if self.shared is not None:
            to_path(self.shared, "the shared phases", error=ConfigError)
        self.split_weights()
        if self.recipe is not None and not isinstance(self.recipe, Recipe):
            raise ConfigError(f"expected a pcakd.Recipe, got {shorten(self.recipe)}")
        for name in ("resume", "smoke"):
            if not isinstance(getattr(self, name), bool):
                value = shorten(getattr(self, name))
                raise ConfigError(f"{name} must be True or False, got {value}")
        if self.name is not None and not (
            isinstance(self.name, str) and _NAME.fullmatch(self.name)
        ):
            raise ConfigError(
                f"the name {self.name!r} cannot be a file's; use letters, digits, '.', '_' and '-'"
            )
        if self.stem in _RESERVED:
            raise ConfigError(f"the name {self.stem!r} is reserved for another file; use another")
        if self.architecture is not None and self.architecture not in BLOCK_TYPES:
            raise unknown_name("architecture", str(self.architecture), BLOCK_TYPES)
        self._check_start()
        self.rank_rule.require_fit(self.backbone, get_backbone_entry(self.backbone).widths)
        self.resolve_device()

    def _check_start(self) -> None:
        if self.start is None:
            if self.low_rank is not None:
                raise ConfigError("low rank needs a student to start from; give start")
            return
        given = ("ranks", "mcev", "explained", "bases", "architecture")
        if fixed := [name for name in given if getattr(self, name) is not None]:
            raise ConfigError(f"the student to start from has its {fixed[0]}; drop it")
        share = self.low_rank
        if share is not None and not (type(share) in (int, float) and 0 < share < 1):
            raise ConfigError(f"the share of low rank must lie between 0 and 1, got {share!r}")

    @property
    def training(self) -> "Recipe | FineTuning":
        """What is trained: all phases of the recipe, or the last one of a student to start from."""
        return self.settings if self.start is None else self.settings.fine_tuning()

    @property
    def stem(self) -> str:
        """The student's file name without its suffix."""
        return self.name or re.split("[/:]", self.backbone)[-1]

    @property
    def photo_folder(self) -> Path:
        """The folder of photographs."""
        return Path(self.data)

    @property
    def folder(self) -> Path:
        """The output folder."""
        return Path(self.output)

    @property
    def student_path(self) -> Path:
        """The student's file; its card lies beside it with the suffix ``.json``."""
        return self.folder / f"{self.stem}.safetensors"

    @property
    def rank_rule(self) -> RankRule:
        """The rule that chooses the ranks.

        Raises:
            ConfigError: More than one rule is given, or a target is out of range.
        """
        if self.ranks is None and self.mcev is None and self.explained is None:
            return default_rank_rule(self.backbone)
        return RankRule(ranks=self.ranks, mcev=self.mcev, explained=self.explained)

    @property
    def settings(self) -> Recipe:
        """The recipe: the given one, or the backbone's default."""
        return self.recipe or create_recipe(self.backbone)

    def resolve_device(self) -> torch.device:
        """Return the device to train on.

        Raises:
            ConfigError: It is not on this machine.
        """
        return resolve_device(str(self.device))

    def split_weights(self) -> tuple[str | None, Path | None]:
        """Return the name of the weight set and the file; each is None if it is not given."""
        return split_weights(self.weights, self.backbone)
