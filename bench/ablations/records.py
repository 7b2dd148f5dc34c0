"""Records of levers: one JSON file each, written whole or not at all. No torch."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pcakd.errors import ConfigError
from pcakd.utils.files import write_text

FORMAT = 1
_FORMAT_KEY = "format"
_HELD_OUT = ("seed", "held_out")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverRecord:
    """What came of a lever.

    Attributes:
        name: The lever's.
        base: What it is compared with; None for a base.
        about: What was moved, in words.
        options: Of `pcakd distill`.
        recipe: The whole recipe that they made.
        base_recipe: The base's at that time.
        photos: Digest of the training photographs.
        pairs: Digest of the pairs.
        commit: That the code of the training was at, marked if it was edited.
        environment: Machine and versions of the training.
        card: The student's; empty if the training failed.
        failure: What the training ended with, if it did.
        protocol: What the scores mean, by score.
        scores: By score and pair; empty if the training failed.
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

    def is_of(
        self, options: Sequence[str], recipe: Mapping[str, Any], photos: str, pairs: str
    ) -> bool:
        """Tell whether this is what such a training on these images would record.

        Backbone and weights are options that no recipe holds.
        """
        same_training = self.options == [*options] and self.recipe == recipe
        return same_training and (self.photos, self.pairs) == (photos, pairs)

    def incomparable(self, base: "LeverRecord") -> str | None:
        """Return why this and its base cannot be compared, if so.

        Training photographs are what is not held out, so where another part is, by another seed,
        nothing can be said of the folder. A number that one recipe has no name for is of another
        commit, which the page says.
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
            ("pairs", self.pairs, base.pairs),
            ("protocol", self.protocol, base.protocol),
            ("machine", _machine(self), _machine(base)),
        ):
            if own != other:
                return f"another {what}" if what[-1] != "s" else f"other {what}"
        return None


def _machine(record: LeverRecord) -> tuple[Any, Any]:
    return record.environment.get("device_name"), record.environment.get("threads")


def record_path(folder: Path, name: str) -> Path:
    """Return where the record of a lever lies."""
    return folder / f"{name}.json"


def save_record(folder: Path, record: LeverRecord) -> None:
    """Write a record.

    Raises:
        OutputError: The folder cannot be written.
    """
    content = {_FORMAT_KEY: FORMAT, **asdict(record)}
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    write_text(record_path(folder, record.name), text + "\n")


def load_records(folder: Path) -> dict[str, LeverRecord]:
    """Read all records of a folder, by name.

    Raises:
        ConfigError: A file is no record of this format.
    """
    records = {}
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stem):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            known = content.pop(_FORMAT_KEY) == FORMAT
            record = LeverRecord(**content) if known else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(f"{path} is no record of a lever; move it elsewhere") from error
        if record is None:
            raise ConfigError(f"{path} is of another format; make it anew with `bench ablations`")
        records[record.name] = record
    return records
