"""The keys of ``config`` and ``environment`` that programs compute with: their types.

Both fields are open: a record may have further keys, which are only shown.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pcakd.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

_TYPES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "config": MappingProxyType(
            {
                "profile": str,
                "memory_fraction": float | None,
                "quality_max_side": int,
                "outputs": str,
                "made_smaller": bool,
            }
        ),
        "environment": MappingProxyType(
            {
                "python": str,
                "torch": str,
                "os": str,
                "cpu": str,
                "cpu_count": int | None,
                "cpu_quota": float | None,
                "device": str,
                "device_name": str,
                "memory_bytes": int | None,
                "memory_limit_bytes": int | None,
                "threads": int,
            }
        ),
    }
)


def check_open_fields(config: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
    """Check the types of the known keys of both fields.

    Raises:
        ConfigError: A value has another type.
    """
    from pydantic import ValidationError

    from bench.records.validation import describe_error

    for name, content in (("config", config), ("environment", environment)):
        model = _model(name)
        try:
            model.model_validate(dict(content))
        except ValidationError as error:
            raise ConfigError(f"{name}: {describe_error(error, model)}") from error


@cache
def _model(field: str) -> "type[BaseModel]":
    """Return the reader of a field, built at the first record."""
    from pydantic import ConfigDict, create_model

    known = {name: (kind, None) for name, kind in _TYPES[field].items()}
    settings = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)
    model: type[BaseModel] = create_model(field.title(), __config__=settings, **known)  # type: ignore[call-overload]
    return model
