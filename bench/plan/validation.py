"""TOML files read into pydantic models; every mistake is one line."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from bench.records.validation import describe_error
from pcakd.errors import ConfigError

M = TypeVar("M")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: The file is missing, cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; check the path") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}; correct it") from error


def validate_table(table: Mapping[str, Any], model: type[M], *, where: str) -> M:
    """Turn a table of a TOML file into a pydantic model or dataclass.

    The values are validated as JSON, so that a strict model accepts a TOML array as a tuple.

    Args:
        table: The keys and values.
        model: The model; give it ``extra="forbid"`` and ``strict=True``.
        where: File and table, as the message begins.

    Raises:
        ConfigError: A key is unknown, missing or has a value that does not fit.
    """
    try:
        return TypeAdapter(model).validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        raise ConfigError(f"{where}: {describe_error(error, model)}") from error
