"""One-line messages for the errors that pydantic finds in files."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

if TYPE_CHECKING:
    from pydantic import ValidationError

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")
_SIGNS = {
    "greater than or equal to": "≥",
    "less than or equal to": "≤",
    "greater than": ">",
    "less than": "<",
}


def describe_error(error: "ValidationError", model: type) -> str:
    """Describe the first error of a validation in one line; unknown keys come first.

    Args:
        error: What pydantic raised.
        model: The dataclass or pydantic model that was validated.

    >>> from pydantic import BaseModel, ConfigDict, ValidationError
    >>> class Options(BaseModel):
    ...     model_config = ConfigDict(extra="forbid", strict=True)
    ...     samples: int
    >>> for data in ({"sampels": 3}, {"samples": "3"}, {}):
    ...     try:
    ...         Options.model_validate(data)
    ...     except ValidationError as error:
    ...         print(describe_error(error, Options))
    key 'sampels' is not known; did you mean 'samples'?
    key 'samples' must be a valid integer, got '3'
    key 'samples' is missing; add it
    """
    errors = error.errors(include_url=False)
    first = next((each for each in errors if each["type"] in _UNKNOWN), errors[0])
    path = first["loc"]
    if first["type"] in _UNKNOWN:
        return f"key {_write_path(path)!r} is not known; {_suggest(str(path[-1]), model, path)}"
    if first["type"] in _MISSING:
        return f"key {_write_path(path)!r} is missing; add it"
    if first["type"] == "value_error":  # of a validator of ours, whose text names the key
        return str(first["ctx"]["error"])
    text = first["msg"][0].lower() + first["msg"][1:]
    text = text.replace("input should be", "must be")
    for words, sign in _SIGNS.items():
        text = text.replace(words, sign)
    name = f"key {_write_path(path)!r} " if path else ""
    return f"{name}{text}, got {first['input']!r:.60}"


def suggest_key(name: str, known: Iterable[str]) -> str:
    """Return the nearest known key as a question, or the list of all of them."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}"


def _write_path(path: tuple[int | str, ...]) -> str:
    """Write a location: ``overrides[0].samples``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _suggest(name: str, model: type, path: tuple[int | str, ...]) -> str:
    for part in path[:-1]:
        if isinstance(part, str):
            model = _find_model(get_type_hints(model)[part]) or model
    return suggest_key(name, _list_keys(model))


def _find_model(annotation: Any) -> type | None:
    """Return the first model in an annotation such as ``tuple[Override, ...]``."""
    if isinstance(annotation, type) and _list_keys(annotation):
        return annotation
    found = (_find_model(each) for each in get_args(annotation))
    return next((model for model in found if model), None)


def _list_keys(model: type) -> list[str]:
    if is_dataclass(model):
        return [each.name for each in fields(model)]
    return list(getattr(model, "model_fields", ()))
