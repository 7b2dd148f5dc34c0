from dataclasses import replace

import numpy as np
import pytest
from student_specs import DESIGNED, TINY

from pcakd.costs import LatencyModel, count_student, peak_bytes
from pcakd.errors import ConfigError
from pcakd.planning import parse_budget
from pcakd.planning.tables import BlockTables
from pcakd.students import StudentSpec
from pcakd.utils.resolutions import parse_resolution

WIDTHS = (9, 12, 15, 21)
MODEL = LatencyModel(coefficients=(2e6, 3.0, 0.02, 0.5, 0.06, 0.2, 0.05, 40.0))
SPECS = [
    TINY,
    DESIGNED,
    StudentSpec(architecture="vgg16", ranks=(1, 1, 1, 1)),
    StudentSpec(architecture="mobilenet_v1", ranks=(1, 1, 1, 1)),
]


def _excess(constraints, ranks):
    """Return by how much ranks exceed each constraint."""
    return [constraint.cost(ranks) - constraint.limit for constraint in constraints]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.architecture)
def test_tables_hold_the_counts_of_every_rank(spec):
    tables = BlockTables(spec, WIDTHS)
    rng = np.random.default_rng(0)
    size = parse_resolution("HD").pixels
    exact = {
        "params=1k": lambda own: count_student(own).num_params,
        "macs=1/px": lambda own: float(count_student(own).macs),
        "latency=1ms@HD": lambda own: MODEL.predict_ns(count_student(own), size),
        "memory=1MB@HD": lambda own: peak_bytes(own, size, threads=2),
    }
    for text, expected in exact.items():
        budget = parse_budget(text)
        constraints = tables.constraints(budget, model=MODEL, threads=2)
        for _ in range(20):
            ranks = tuple(int(rng.integers(1, width + 1)) for width in WIDTHS)
            over = max(_excess(constraints, ranks))
            own = replace(spec, ranks=ranks)
            assert over + budget.limit == pytest.approx(expected(own), rel=1e-9), (text, ranks)


def test_latency_needs_a_model():
    with pytest.raises(ConfigError, match="needs a latency model"):
        BlockTables(TINY, WIDTHS).constraints(parse_budget("latency=1ms@HD"), model=None, threads=1)
