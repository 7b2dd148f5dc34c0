"""A subject with an image filter after it: ``NAME|FILTER``.

* ``guided`` is the guided filter that ends the demos of PCA-KD and PhotoWCT² (`pcakd.filters`: the
  content as guide, radius 30, ε 0.02²).
* ``matting`` is PhotoWCT's smoothing (`bench.filters.matting`).
* ``matting-fast`` is the guided filter that PhotoWCT's released code has in its place on request
  (radius 35).

It is a part of the subject: timed, counted and scored with it. Multiply-adds of guided filters are
those of an equivalent filter in operators of PyTorch, without its running sums; those of
``matting`` depend on the image and are uncounted.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from bench.filters.registry import FILTERS, Apply
from bench.records.schema import FILTER_SEPARATOR
from bench.subjects.interface import Device, Prepared, Subject, Variation
from pcakd.utils.extras import check_extra

_Stylize = Callable[[Tensor, Tensor], Tensor]


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
    FILTERS.get(found)
    return name, found


def add_filter(subject: Subject, name: str) -> Subject:
    """Return the subject that filters what another subject does.

    Raises:
        MissingExtraError: What the filter needs is not installed.
        UnknownNameError: There is no such filter.
    """
    chosen = FILTERS.get(name)
    if chosen.extra is not None:
        check_extra(chosen.extra, f"{FILTER_SEPARATOR}{name}")
    vary, cost = subject.vary, subject.cost_subject

    def add_to(prepared: Prepared) -> Prepared:
        return replace(
            prepared,
            run=_chain(prepared.run, chosen.apply),
            untiled=_chain(prepared.untiled or prepared.run, chosen.countable),
        )

    def vary_filtered(device: Device, transform: str, variation: Variation) -> Prepared:
        return add_to(subject.prepare(device, transform=transform, variation=variation))

    return replace(
        subject,
        name=f"{subject.name}{FILTER_SEPARATOR}{name}",
        hash=hashlib.sha256(f"{subject.hash} {name} {chosen.settings}".encode()).hexdigest(),
        build=lambda device, transform: add_to(subject.build(device, transform)),
        cost_subject=None if cost is None else f"{cost}{FILTER_SEPARATOR}{name}",
        vary=None if vary is None else vary_filtered,
        history=None,
    )


def _chain(stylize: _Stylize, apply: Apply) -> _Stylize:
    return lambda content, style: apply(stylize(content, style), content)
