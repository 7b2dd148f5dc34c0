"""A look-up table in place of a network: ``NAME>lut33``.

The table is fitted to what the subject does to the image pair, both reduced so that the shorter
side has 512 pixels at most, and applied at full size. Latency is that of its application: a table
is fitted once and used for a whole film, so the first call with an image pair fits it, and later
ones only apply it. Peak memory is that of the first call, fit included.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from bench.subjects.interface import Device, Prepared, Subject, Variation
from pcakd.errors import ConfigError
from pcakd.luts import ColourSamples, Lut, apply_lut, fit_lut
from pcakd.luts.fitting import DEFAULT_SMOOTHNESS
from pcakd.luts.table import LEAST_SIZE, MOST_SIZE, identity_lut
from pcakd.utils.sections import section

_NAME = re.compile(r"(?P<subject>.+)>lut(?P<size>[0-9]{1,3})")
_SIDE = 512  # of the reduced images that a table is fitted to
_COLOURS = 3


def split_lut(text: str) -> tuple[str, int | None]:
    """Split ``NAME>lutN`` into the subject and the points a side of the table.

    Raises:
        ConfigError: The text names a table in another form.

    >>> split_lut("vgg16@ot>lut33"), split_lut("vgg16")
    (('vgg16@ot', 33), ('vgg16', None))
    """
    if ">" not in text:
        return text, None
    match = _NAME.fullmatch(text)
    size = int(match["size"]) if match else 0
    if match is None or not LEAST_SIZE <= size <= MOST_SIZE:
        raise ConfigError(
            f"subject {text!r}: a look-up table is written NAME>lutN, N from {LEAST_SIZE} to "
            f"{MOST_SIZE}"
        )
    return match["subject"], size


def replace_by_lut(subject: Subject, size: int) -> Subject:
    """Return the subject of the look-up table that does what another subject does.

    Raises:
        ConfigError: The other subject has seeded weights.
    """
    if not subject.has_quality:
        raise ConfigError(
            f"subject {subject.name!r} has seeded weights, which a look-up table cannot stand for"
        )
    vary = subject.vary

    def vary_lut(device: Device, transform: str, variation: Variation) -> Prepared:
        return _prepare(subject.prepare(device, transform=transform, variation=variation), size)

    return replace(
        subject,
        name=f"{subject.name}>lut{size}",
        hash=hashlib.sha256(
            f"{subject.hash} lut {size} {_SIDE} {DEFAULT_SMOOTHNESS}".encode()
        ).hexdigest(),
        num_params=_COLOURS * size**3,
        num_eigenbasis_params=0,
        build=lambda device, transform: _prepare(subject.build(device, transform), size),
        cost_subject=None,
        vary=None if vary is None else vary_lut,
        history=None,
    )


def _prepare(prepared: Prepared, size: int) -> Prepared:
    fitted: dict[tuple[object, ...], Lut] = {}
    neutral = identity_lut(size)

    def run(content: Tensor, style: Tensor) -> Tensor:
        key = _identify(content), _identify(style)
        if key not in fitted:
            fitted.clear()
            fitted[key] = _fit(prepared.run, content, style, size)
        with section("transform"):
            return apply_lut(fitted[key], content)

    return Prepared(modules=(), run=run, untiled=lambda content, style: apply_lut(neutral, content))


def _identify(image: Tensor) -> tuple[object, ...]:
    """Return what tells an image in memory from another, from some of its pixels."""
    some = image[:, :: max(1, image.shape[1] // 64), :: max(1, image.shape[2] // 64)]
    return image.data_ptr(), tuple(image.shape), float(some.sum())


def _fit(run: Callable[[Tensor, Tensor], Tensor], content: Tensor, style: Tensor, size: int) -> Lut:
    small = _reduce(content)
    samples = ColourSamples()
    samples.add(small, run(small, _reduce(style)))
    return fit_lut(samples, size=size).lut


def _reduce(image: Tensor) -> Tensor:
    """Reduce an image whose shorter side has over 512 pixels."""
    shorter = min(image.shape[-2:])
    if shorter <= _SIDE:
        return image
    size = [round(side * _SIDE / shorter) for side in image.shape[-2:]]
    reduced = F.interpolate(image[None], size=size, mode="bilinear", antialias=True)
    return reduced[0].clamp(0.0, 1.0)
