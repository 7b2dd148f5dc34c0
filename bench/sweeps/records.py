"""Records of trials: one JSON file each, written whole or not at all. No torch."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.sweeps.arguments import read_arguments
from pcakd.errors import ConfigError
from pcakd.students.former_names import RENAMED_SETTINGS, rename_card, rename_settings
from pcakd.utils.files import write_text

FORMAT = 1
STOPPED = "stopped"
"""Key of ``rungs``: whether the training was stopped early."""

WOULD_STOP = "would_stop"
"""Key of ``rungs``: the step of the last phase at which a replay stops the training, or null."""

_FORMAT_KEY = "format"
_HELD_OUT = ("seed", "held_out")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """The result of a trial.

    Attributes:
        name: Name of the trial.
        base: Name of the base that it is compared with; None for a base.
        about: What was changed, in words.
        options: Arguments of ``pcakd distill``: the base's, then its own.
        recipe: The whole recipe.
        base_recipe: The recipe of the base at that time.
        photos: Digest of the training photographs.
        pairs: Digest of the image pairs.
        commit: Commit of the training's code, marked if there were edits.
        environment: Machine and versions of the training.
        card: The student's card; empty if the training failed.
        failure: The error of a failed training, otherwise None.
        protocol: The definition of each metric.
        scores: Values by metric and image pair; empty if the training failed.
        costs: What the student costs by resolution (`bench.sweeps.costs`); empty if the training
            failed or nothing was profiled.
        cost_environment: Machine, versions and commit of the costs.
        rungs: How the training did where it can be stopped early (`bench.sweeps.early_stopping`):
            its ``losses`` by step, ``stopped`` if it was, and after a replay the step at which it
            ``would_stop``, or null. Empty if it was not compared with others.
    """

    name: str
    base: str | None
    about: str
    options: list[str]
    recipe: dict[str, Any]
    base_recipe: dict[str, Any]
    photos: str
    pairs: str
    commit: str | None
    environment: dict[str, Any]
    card: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None
    protocol: dict[str, str] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    costs: dict[str, dict[str, Any]] = field(default_factory=dict)
    cost_environment: dict[str, Any] = field(default_factory=dict)
    rungs: dict[str, Any] = field(default_factory=dict)

    @property
    def stopped(self) -> bool:
        """Whether the training was stopped early."""
        return bool(self.rungs.get(STOPPED))

    @property
    def start(self) -> str | None:
        """Hash of the weights of the student that the training started from; None without one."""
        found = self.card.get("start", {}).get("sha256")
        return None if found is None else str(found)

    def is_of(
        self, options: Sequence[str], recipe: Mapping[str, Any], photos: str, pairs: str
    ) -> bool:
        """Return whether a training with these options on these images would give this record.

        The options count beside the recipe, because they name the backbone and its weights. Their
        order does not count.
        """
        same_options = read_arguments(self.options) == read_arguments(options)
        same_images = (self.photos, self.pairs) == (photos, pairs)
        return same_options and self.recipe == recipe and same_images

    def incomparable(self, base: "TrialRecord") -> str | None:
        """Return why this record cannot be compared with its base, or None.

        Digests of photographs are compared only if the same photographs were held out, which
        depends on the seed. A setting that only one recipe has was added between two commits; the
        page names other commits.
        """
        shared = self.base_recipe.keys() & base.recipe.keys()
        recipe, base_recipe = (
            {key: each[key] for key in shared} for each in (self.base_recipe, base.recipe)
        )
        part, base_part = ([each.recipe.get(key) for key in _HELD_OUT] for each in (self, base))
        for what, own, other in (
            ("base", self.options[: len(base.options)], base.options),
            ("recipe of the base", recipe, base_recipe),
            ("photographs", self.photos, base.photos if part == base_part else self.photos),
            ("image pairs", self.pairs, base.pairs),
            ("protocol", self.protocol, base.protocol),
            ("machine", _machine(self), _machine(base)),
        ):
            if own != other:
                return f"another {what}" if what[-1] != "s" else f"other {what}"
        return None


def _machine(record: TrialRecord) -> tuple[Any, Any]:
    return record.environment.get("device_name"), record.environment.get("threads")


def record_path(folder: Path, name: str) -> Path:
    """Return the path of a trial's record."""
    return folder / f"{name}.json"


def save_record(folder: Path, record: TrialRecord) -> None:
    """Write a record.

    Raises:
        OutputError: The folder cannot be written.
    """
    content = {_FORMAT_KEY: FORMAT, **asdict(record)}
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    write_text(record_path(folder, record.name), text + "\n")


def load_records(folder: Path) -> dict[str, TrialRecord]:
    """Read all records of a folder, by name.

    Raises:
        ConfigError: A file is not a record of this format.
    """
    records = {}
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stem):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            known = content.pop(_FORMAT_KEY) == FORMAT
            record = TrialRecord(**_rename_settings(content)) if known else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(f"{path} is not a record of a trial; move it elsewhere") from error
        if record is None:
            raise ConfigError(
                f"{path} has another format; create it again with `pcakd-bench sweep`"
            )
        records[record.name] = record
    return records


def _rename_settings(content: dict[str, Any]) -> dict[str, Any]:
    """Return a record's content with today's names of settings."""
    for key in ("recipe", "base_recipe"):
        content[key] = rename_settings(content[key])
    content["card"] = rename_card(content["card"])
    for old, new in RENAMED_SETTINGS.items():
        content["options"] = [
            option.replace(f"{old}=", f"{new}=", 1) if option.startswith(f"{old}=") else option
            for option in content["options"]
        ]
    return content
