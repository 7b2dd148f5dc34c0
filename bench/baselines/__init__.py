"""Colour transfers, the baselines of the students. The networks are in `bench.peers.registry`.

Histogram matching is scikit-image's. The Monge-Kantorovich map is the feature transform ``ot`` of
`pcakd`, applied to colours. Reinhard's and Pitié's transfers are implemented here, in float32 on
the device of the subject. Libraries that have them do not fit: `color-matcher` is under the GPL,
`colortrans` (Reinhard) takes 8-bit images on a CPU, `ColorTransferLib` pins dozens of packages and
`python-color-transfer` is an alpha of 2022.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

from bench.baselines.content import keep_content
from bench.baselines.histogram import transfer_histogram
from bench.baselines.idt import transfer_idt, transfer_idt_regrain
from bench.baselines.mkl import transfer_mkl
from bench.baselines.reinhard import transfer_reinhard
from pcakd.utils.registry import Registry

Baseline: TypeAlias = Callable[
    [Float[Tensor, "3 h w"], Float[Tensor, "3 h2 w2"]], Float[Tensor, "3 h w"]
]

BASELINES: Registry[Baseline] = Registry("baseline")
BASELINES.register("reinhard", transfer_reinhard)
BASELINES.register("mkl", transfer_mkl)
BASELINES.register("histogram", transfer_histogram)
BASELINES.register("idt", transfer_idt)
BASELINES.register("idt-regrain", transfer_idt_regrain)
BASELINES.register("content", keep_content)

REVISIONS: Mapping[str, int] = {"idt-regrain": 2}
"""Revision of each transfer whose result has changed; others have revision 1.

Raise it with each change of a result: records of another revision are then not reused.
"""

__all__ = [
    "BASELINES",
    "REVISIONS",
    "Baseline",
    "keep_content",
    "transfer_histogram",
    "transfer_idt",
    "transfer_idt_regrain",
    "transfer_mkl",
    "transfer_reinhard",
]
