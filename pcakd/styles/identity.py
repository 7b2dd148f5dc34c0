"""Which student made a style: a name to read, and hashes to compare."""

import hashlib
import json
from dataclasses import dataclass

import torch

from pcakd.blocks import Autoencoder

_PRECISIONS = {
    torch.float64: ("float32", "float16", "bfloat16"),
    torch.float32: ("float32", "float16", "bfloat16"),
    torch.float16: ("float16",),
    torch.bfloat16: ("bfloat16",),
}
"""Precisions that weights of a type can be rounded to without rounding twice, finest first."""

_FINEST_FIRST = _PRECISIONS[torch.float32]
"""Messages show the first of these hashes."""

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class StudentIdentity:
    """A student's name, and hashes of its description and weights.

    There is one hash for each precision, of weights rounded to it, so that a student in float32
    and its copy in float16 are the same student.

    Attributes:
        name: The name on its card; else its family and ranks.
        hashes: SHA-256 by precision: ``float32``, ``float16`` and ``bfloat16``, or one of them.
    """

    name: str
    hashes: dict[str, str]

    def matches(self, network: Autoencoder) -> bool:
        """Say whether a network has the same description and weights, up to its precision."""
        for precision in _precisions(network):
            if precision in self.hashes:
                return self.hashes[precision] == _hash(network, precision)
        return False

    def agrees_with(self, other: "StudentIdentity") -> bool:
        """Say whether two identities are of one student, up to the coarser precision."""
        shared = self.hashes.keys() & other.hashes.keys()
        return bool(shared) and all(self.hashes[key] == other.hashes[key] for key in shared)

    def __str__(self) -> str:
        digest = next((self.hashes[each] for each in _FINEST_FIRST if each in self.hashes), "")
        return f"{self.name!r} ({digest[:8]})"


def identify(network: Autoencoder) -> StudentIdentity:
    """Return the identity of a student, or of another autoencoder."""
    hashes = {precision: _hash(network, precision) for precision in _precisions(network)}
    return StudentIdentity(_name(network), hashes)


def _precisions(network: Autoencoder) -> tuple[str, ...]:
    return _PRECISIONS[next(network.parameters()).dtype]


def _name(network: Autoencoder) -> str:
    name = (getattr(network, "card", None) or {}).get("name")
    if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable():
        return name
    spec = getattr(network, "spec", None)
    if spec is None:
        return type(network).__name__
    return f"{spec.architecture} of ranks {', '.join(map(str, spec.ranks))}"


def _hash(network: Autoencoder, precision: str) -> str:
    """Hash the description, the shapes of all weights, and their values in one precision."""
    spec = getattr(network, "spec", None)
    weights = {n: t for n, t in network.state_dict().items() if t.is_floating_point()}
    shapes = {name: list(tensor.shape) for name, tensor in weights.items()}
    designs = repr(getattr(spec, "designs", ()))
    description: list[object] = [type(network).__name__, repr(spec), designs, shapes]
    if network.colour_transfer:  # left out otherwise: hashes of earlier releases stay valid
        description.append(network.colour_transfer)
    digest = hashlib.sha256(json.dumps(description).encode())
    kind: torch.dtype = getattr(torch, precision)
    values = torch.cat([tensor.detach().flatten().to(kind) for tensor in weights.values()])
    digest.update(values.cpu().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
