"""A subject with an image filter after it: ``NAME|guided``.

``guided`` is the guided filter that ends the demos of PCA-KD and PhotoWCT² (`pcakd.filters`: the
content as guide, radius 30, ε 0.02²). It is a part of the subject: timed, counted and scored with
it. Multiply-adds are those of an equivalent filter in operators of PyTorch.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from bench.profiling.guided_filter_reference import plain_guided_filter
from bench.records.schema import FILTER_SEPARATOR
from bench.subjects.interface import Device, Prepared, Subject, Variation
from pcakd.filters import EPSILON, RADIUS, guided_filter
from pcakd.utils.extras import check_extra
from pcakd.utils.registry import unknown_name

GUIDED = "guided"
"""The name of the guided filter."""

_Stylize = Callable[[Tensor, Tensor], Tensor]
_Filter = Callable[[Float[Tensor, "3 h w"], Float[Tensor, "3 h w"]], Float[Tensor, "3 h w"]]


def split_filter(text: str) -> tuple[str, str | None]:
    """Split ``NAME|FILTER`` into the subject and the filter.

    Raises:
        UnknownNameError: There is no such filter.

    >>> split_filter("vgg16@ot|guided"), split_filter("vgg16")
    (('vgg16@ot', 'guided'), ('vgg16', None))
    """
    name, separator, found = text.rpartition(FILTER_SEPARATOR)
    if not separator:
        return text, None
    if found != GUIDED:
        raise unknown_name("filter", found, [GUIDED])
    return name, found


def add_filter(subject: Subject, name: str) -> Subject:
    """Return the subject that filters what another subject does.

    Raises:
        MissingExtraError: OpenCV's contributed modules are not installed.
    """
    check_extra("filter", f"{FILTER_SEPARATOR}{name}")
    vary, cost = subject.vary, subject.cost_subject

    def vary_filtered(device: Device, transform: str, variation: Variation) -> Prepared:
        return _filter(subject.prepare(device, transform=transform, variation=variation))

    return replace(
        subject,
        name=f"{subject.name}{FILTER_SEPARATOR}{name}",
        hash=hashlib.sha256(f"{subject.hash} {name} {RADIUS} {EPSILON}".encode()).hexdigest(),
        build=lambda device, transform: _filter(subject.build(device, transform)),
        cost_subject=None if cost is None else f"{cost}{FILTER_SEPARATOR}{name}",
        vary=None if vary is None else vary_filtered,
        history=None,
    )


def _filter(prepared: Prepared) -> Prepared:
    def chain(stylize: _Stylize, apply: _Filter) -> _Stylize:
        return lambda content, style: apply(stylize(content, style), content)

    return replace(
        prepared,
        run=chain(prepared.run, guided_filter),
        untiled=chain(prepared.untiled or prepared.run, plain_guided_filter),
    )
