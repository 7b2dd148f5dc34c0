"""SHA-256 of a set of tensors, independent of the file format."""

import hashlib
import json
from collections.abc import Mapping

import torch
from torch import Tensor


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of tensors: their names, types, shapes and values.

    The order, the device and the memory layout of the tensors do not matter. Values are hashed as
    little-endian bytes in row-major order.

    >>> a, b = torch.zeros(2), torch.ones(1)
    >>> hash_tensors({"a": a, "b": b}) == hash_tensors({"b": b, "a": a})
    True
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        kind = str(tensor.dtype).removeprefix("torch.")
        digest.update(json.dumps([name, kind, list(tensor.shape)]).encode() + b"\n")
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def hash_rounded(tensors: Mapping[str, Tensor], decimals: Mapping[str, int]) -> str:
    """Return `hash_tensors` with some tensors rounded first.

    Different programs compute folded sums with different last bits. Rounding gives them one hash.

    Args:
        tensors: The tensors.
        decimals: For each tensor to round, its number of decimals.
    """
    rounded = {
        name: torch.round(tensors[name].double() * 10**places).to(torch.int64)
        for name, places in decimals.items()
    }
    return hash_tensors({**tensors, **rounded})
