"""What a plan takes from an analysis: curves, architecture and latency model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pcakd.analysis.results import FILE_NAME, read_analysis
from pcakd.blocks import BlockDesign
from pcakd.costs import TERMS, LatencyModel
from pcakd.errors import PcakdError
from pcakd.planning.plan import Ranks
from pcakd.planning.solver import Array
from pcakd.planning.tables import BlockTables
from pcakd.students import StudentSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """What a plan needs of an analysis.

    Attributes:
        backbone: The teacher.
        mcev_curves: Of taps 1 to 4 at ranks from 1 on.
        spec: A student of the architecture, with the reference ranks.
        model: The latency of the machine of the analysis; None if nothing was timed.
        threads: Threads of that machine.
        weights: What ``--weights`` named; None if nothing.
        seed: Of a teacher with random weights.
    """

    backbone: str
    mcev_curves: tuple[Array, ...]
    spec: StudentSpec
    model: LatencyModel | None
    threads: int
    weights: str | None = None
    seed: int = 0

    @property
    def tables(self) -> BlockTables:
        """The costs of the architecture at all ranks."""
        return BlockTables(self.spec, [len(curve) for curve in self.mcev_curves])

    def at(self, ranks: Ranks) -> StudentSpec:
        """Return the student of some ranks."""
        return replace(self.spec, ranks=ranks)


def read_plan_inputs(folder: Path) -> PlanInputs:
    """Read the result of ``pcakd analyze``.

    Raises:
        PcakdError: It is missing, damaged or of another format.
    """
    content = read_analysis(folder)
    try:
        return _unpack(content)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise PcakdError(
            f"{folder / FILE_NAME} is damaged ({error}); make it again with `pcakd analyze`"
        ) from error


def _unpack(content: Mapping[str, Any]) -> PlanInputs:
    curves = tuple(np.array(tap["mcev"], float) for tap in content["taps"])
    if len(curves) != 4 or not all(len(curve) and np.isfinite(curve).all() for curve in curves):
        raise ValueError("the curves of four taps are not there")
    described = content["student"]
    first, second, third, fourth = described["ranks"]
    spec = StudentSpec(
        architecture=described["architecture"],
        ranks=(first, second, third, fourth),
        designs=tuple(BlockDesign(**design) for design in described["designs"]),
    )
    latency, model, threads = content["latency"], None, 1
    if latency is not None:
        coefficients = tuple(float(each) for each in latency["model"]["coefficients"])
        if len(coefficients) != len(TERMS) or not all(0 <= c < np.inf for c in coefficients):
            raise ValueError(f"a latency model has {len(TERMS)} coefficients of 0 or more")
        model, threads = LatencyModel(coefficients=coefficients), int(latency["threads"])
    teacher = content.get("teacher", {})
    return PlanInputs(
        backbone=str(content["backbone"]),
        weights=teacher.get("weights"),
        seed=int(teacher.get("seed", 0)),
        mcev_curves=curves,
        spec=spec,
        model=model,
        threads=threads,
    )
