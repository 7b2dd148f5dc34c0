"""Hashes of weights."""

import hashlib

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pcakd.weights import (
    hash_tensors,
)


def test_hash_oracle():
    expected = hashlib.sha256(b'["a", "float32", [1, 2]]\n' + bytes(4) + b"\x00\x00\x80\x3f")
    assert hash_tensors({"a": torch.tensor([[0.0, 1.0]])}) == expected.hexdigest()


@settings(deadline=None, max_examples=30)
@given(st.permutations(["a", "b", "c"]), st.integers(0, 2))
def test_hash_depends_on_content_only(order, changed):
    base = {name: torch.arange(6.0).reshape(2, 3) + i for i, name in enumerate("abc")}
    strided = {name: base[name].t().contiguous().t() for name in order}
    assert hash_tensors(strided) == hash_tensors(base)
    other = dict(base)
    other["abc"[changed]] = other["abc"[changed]].nextafter(torch.tensor(9.0))
    assert hash_tensors(other) != hash_tensors(base)
    assert hash_tensors({**base, "a": base["a"].reshape(3, 2)}) != hash_tensors(base)
    assert hash_tensors({**base, "a": base["a"].view(torch.int32)}) != hash_tensors(base)
