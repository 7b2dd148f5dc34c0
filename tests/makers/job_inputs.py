"""Subjects and image pairs for jobs."""

from PIL import Image

from bench.subjects import Prepared, Subject
from pcakd.errors import NumericalError


def stylize(content, style):
    if content.shape[-1] == 64:
        raise NumericalError("the numbers ran away")
    return content


def parse(text):
    return Subject(
        name=text, transforms=("zca",), precision="fp32", has_quality=True, hash="0", num_params=0,
        num_eigenbasis_params=0, build=lambda *_: Prepared(modules=(), run=stylize),
    )  # fmt: skip


def make_pairs(folder, **sizes):
    pairs = []
    for name, both in sizes.items():
        pair = {"name": name}
        for role, size in zip(("content", "style"), both, strict=True):
            pair[role] = str(folder / f"{name}_{role}.png")
            Image.new("RGB", size, (200, 100, 50)).save(pair[role])
        pairs.append(pair)
    return pairs
