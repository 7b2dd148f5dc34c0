"""The content-style image pairs that quality is measured on. No torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePair:
    """A content image and the style image that it takes on.

    `bench.quality.pairs.find_pairs` finds the files, and `bench.quality.pairs.describe_pair` reads
    them and adds hash and size.

    Attributes:
        name: What precedes ``_content`` and ``_style`` in the file names (``"07"``).
        content: The content image file.
        style: The style image file.
        hash: SHA-256 of both files; None until the pair is described.
        width: Width in pixels at which the content is compared; None until described.
        height: Its height.
    """

    name: str
    content: Path
    style: Path
    hash: str | None = None
    width: int | None = None
    height: int | None = None

    def to_message(self) -> dict[str, Any]:
        """Return the fields as JSON values, for a worker process."""
        return {**asdict(self), "content": str(self.content), "style": str(self.style)}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> "ImagePair":
        """Read what `to_message` returned.

        >>> pair = ImagePair(name="07", content=Path("07_content.jpg"), style=Path("07_style.jpg"))
        >>> ImagePair.from_message(pair.to_message()) == pair
        True
        """
        paths = {role: Path(message[role]) for role in ("content", "style")}
        return cls(**{**message, **paths})
