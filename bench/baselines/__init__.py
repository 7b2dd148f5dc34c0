"""Colour transfers that need no network: what a student has to beat."""

from collections.abc import Callable
from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

from bench.baselines.content import keep_content
from bench.baselines.mkl import transfer_mkl
from bench.baselines.reinhard import transfer_reinhard
from pcakd.registry import Registry

Baseline: TypeAlias = Callable[
    [Float[Tensor, "3 h w"], Float[Tensor, "3 h2 w2"]], Float[Tensor, "3 h w"]
]

BASELINES: Registry[Baseline] = Registry("baseline")
BASELINES.register("reinhard", transfer_reinhard)
BASELINES.register("mkl", transfer_mkl)
BASELINES.register("content", keep_content)

__all__ = ["BASELINES", "Baseline", "keep_content", "transfer_mkl", "transfer_reinhard"]
