"""The peers that are trained here, each with its card (JSON). No torch.

Cards are in every package. The weights are large and only in the source tree, beside the cards;
`bench.peers.fetching` finds them elsewhere.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable

_SUFFIX = ".json"


def list_names() -> tuple[str, ...]:
    """Return the names of all trained peers, ``PEER-ENCODER``."""
    names = (entry.name for entry in _folder().iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def is_name(text: str) -> bool:
    """Return whether a text names a trained peer."""
    return text in list_names()


def find_file(name: str, suffix: str = _SUFFIX) -> Traversable:
    """Return a file of a trained peer, which need not exist.

    Args:
        name: Its name.
        suffix: What the file's name ends with; the default is that of the card.
    """
    return _folder() / f"{name}{suffix}"


def _folder() -> Traversable:
    return files("bench.peers.zoo")
