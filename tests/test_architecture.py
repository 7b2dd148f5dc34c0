"""Data flows one way: the imports of both packages, read with ``ast``, against a table."""

import ast
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("pcakd", "bench")

# every folder or module at the top of a package, and those that it may import
ALLOWED: dict[str, str] = {
    "pcakd": (
        "pcakd.backbones pcakd.distillation pcakd.eigenbases pcakd.errors pcakd.images "
        "pcakd.pipeline pcakd.students pcakd.styles"
    ),
    "pcakd.__main__": "pcakd.cli",
    "pcakd.analysis": (
        "pcakd.backbones pcakd.costs pcakd.eigenbases pcakd.errors pcakd.images pcakd.linalg "
        "pcakd.students pcakd.utils pcakd.weights"
    ),
    "pcakd.backbones": "pcakd.blocks pcakd.errors pcakd.utils pcakd.weights",
    "pcakd.blocks": "pcakd.errors pcakd.transforms pcakd.utils",
    "pcakd.cards": "",
    "pcakd.cli": "pcakd.__version__ pcakd.commands pcakd.errors pcakd.utils",
    "pcakd.coarse_to_fine": (
        "pcakd.blocks pcakd.errors pcakd.linalg pcakd.tiling pcakd.transforms pcakd.utils"
    ),
    "pcakd.commands": (
        "pcakd.analysis pcakd.backbones pcakd.coarse_to_fine pcakd.costs pcakd.distillation "
        "pcakd.eigenbases pcakd.errors pcakd.filters pcakd.images pcakd.luts pcakd.pipeline "
        "pcakd.planning pcakd.students pcakd.styles pcakd.transforms pcakd.utils pcakd.weights "
        "pcakd.zoo"
    ),
    "pcakd.costs": "pcakd.blocks pcakd.errors pcakd.pipeline pcakd.students pcakd.utils",
    "pcakd.distillation": (
        "pcakd.__version__ pcakd.backbones pcakd.blocks pcakd.cards pcakd.coarse_to_fine "
        "pcakd.eigenbases pcakd.errors pcakd.images pcakd.linalg pcakd.students "
        "pcakd.transforms pcakd.utils pcakd.weights"
    ),
    "pcakd.eigenbases": "pcakd.backbones pcakd.errors pcakd.images pcakd.inputs pcakd.utils",
    "pcakd.errors": "",
    "pcakd.filters": "pcakd.errors pcakd.utils",
    "pcakd.images": "pcakd.errors pcakd.utils",
    "pcakd.inputs": "pcakd.coarse_to_fine pcakd.errors pcakd.images",
    "pcakd.linalg": "pcakd.errors pcakd.utils",
    "pcakd.luts": "pcakd.errors pcakd.tiling pcakd.utils",
    "pcakd.pipeline": (
        "pcakd.blocks pcakd.coarse_to_fine pcakd.errors pcakd.inputs pcakd.linalg "
        "pcakd.styles pcakd.transforms"
    ),
    "pcakd.planning": (
        "pcakd.analysis pcakd.blocks pcakd.costs pcakd.errors pcakd.students pcakd.utils"
    ),
    "pcakd.students": (
        "pcakd.backbones pcakd.blocks pcakd.errors pcakd.inputs pcakd.pipeline pcakd.styles "
        "pcakd.utils pcakd.zoo"
    ),
    "pcakd.styles": (
        "pcakd.blocks pcakd.coarse_to_fine pcakd.errors pcakd.inputs pcakd.linalg pcakd.utils"
    ),
    "pcakd.tiling": "pcakd.blocks pcakd.transforms pcakd.utils",
    "pcakd.transforms": "pcakd.linalg pcakd.utils",
    "pcakd.utils": "pcakd.errors",
    "pcakd.weights": "pcakd.errors pcakd.utils",
    "pcakd.zoo": "",
    "bench": "",
    "bench.__main__": "bench.cli",
    "bench.sweeps": (
        "pcakd.backbones pcakd.cards pcakd.costs pcakd.distillation pcakd.errors pcakd.planning "
        "pcakd.students pcakd.utils pcakd.weights bench.analysis bench.cli bench.machine "
        "bench.plan bench.quality bench.records bench.report bench.run bench.subjects"
    ),
    "bench.analysis": "bench.records",
    "bench.baselines": "pcakd.linalg pcakd.transforms pcakd.utils bench.profiling",
    "bench.claims": "pcakd.cards bench.analysis bench.quality bench.records",
    "bench.cli": "pcakd.__version__ pcakd.commands pcakd.errors pcakd.utils",
    "bench.commands": (
        "pcakd.backbones pcakd.commands pcakd.errors pcakd.images pcakd.students pcakd.utils "
        "pcakd.weights bench bench.sweeps bench.analysis bench.claims bench.gate "
        "bench.machine bench.peers bench.plan bench.profiling bench.quality bench.records "
        "bench.report bench.run bench.subjects bench.worker"
    ),
    "bench.data": "",
    "bench.filters": "pcakd.errors pcakd.filters pcakd.utils bench.profiling",
    "bench.gate": (
        "pcakd.errors pcakd.utils bench.analysis bench.machine bench.plan bench.profiling "
        "bench.quality bench.records bench.subjects bench.worker"
    ),
    "bench.machine": "pcakd.__version__ pcakd.utils",
    "bench.peers": (
        "pcakd.backbones pcakd.blocks pcakd.coarse_to_fine pcakd.distillation pcakd.errors "
        "pcakd.images pcakd.linalg pcakd.tiling pcakd.transforms pcakd.utils pcakd.weights "
        "bench.records"
    ),
    "bench.plan": "pcakd.errors pcakd.utils bench.records",
    "bench.profiling": "pcakd.errors pcakd.utils bench.analysis bench.plan bench.records",
    "bench.quality": (
        "pcakd.backbones pcakd.cards pcakd.coarse_to_fine pcakd.errors pcakd.images pcakd.utils "
        "pcakd.weights bench.analysis bench.plan bench.records bench.subjects"
    ),
    "bench.quantization": (
        "pcakd.blocks pcakd.errors pcakd.images pcakd.pipeline pcakd.students pcakd.transforms "
        "pcakd.utils pcakd.weights bench.profiling"
    ),
    "bench.records": "pcakd.errors pcakd.utils pcakd.zoo",
    "bench.report": (
        "pcakd.cards pcakd.errors pcakd.utils pcakd.zoo bench.analysis bench.claims "
        "bench.gate bench.plan bench.quality bench.records"
    ),
    "bench.run": (
        "pcakd.errors pcakd.utils bench.analysis bench.machine bench.plan bench.quality "
        "bench.records bench.worker"
    ),
    "bench.subjects": (
        "pcakd.blocks pcakd.cards pcakd.coarse_to_fine pcakd.errors pcakd.inputs "
        "pcakd.luts pcakd.pipeline pcakd.students pcakd.transforms pcakd.utils pcakd.weights "
        "pcakd.zoo bench.baselines bench.filters bench.peers bench.plan bench.quantization "
        "bench.records"
    ),
    "bench.worker": (
        "pcakd.errors pcakd.images pcakd.utils bench.filters bench.machine bench.plan "
        "bench.profiling bench.quality bench.records bench.subjects"
    ),
}


def _unit(module: str) -> str:
    """Return the folder or module at the top of a package that a module belongs to."""
    return ".".join(module.split(".")[:2])


def _imports(path: Path) -> set[str]:
    """Return the modules of both packages that a file imports, whenever it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module in PACKAGES:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name for name in found if name.split(".")[0] in PACKAGES}


def _edges() -> dict[str, set[str]]:
    """Map each unit to the units that it imports."""
    edges: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            unit = _unit(name.removesuffix(".__init__"))
            edges.setdefault(unit, set()).update(_unit(each) for each in _imports(path))
    return {unit: targets - {unit} for unit, targets in edges.items()}


def test_the_table_lists_each_import_and_no_other():
    expected = {unit: set(names.split()) for unit, names in ALLOWED.items()}
    assert _edges() == expected


def test_the_library_never_imports_the_harness():
    assert not [
        unit
        for unit, targets in _edges().items()
        if unit.startswith("pcakd") and any(each.startswith("bench") for each in targets)
    ]


def test_no_unit_is_part_of_a_cycle():
    TopologicalSorter(_edges()).prepare()


def test_nothing_is_loose_at_the_top_of_the_harness():
    modules = {path.name for path in (ROOT / "bench").glob("*.py")}
    assert modules == {"__init__.py", "__main__.py", "cli.py"}


@pytest.mark.parametrize(
    "modules",
    [
        "pcakd, pcakd.errors, pcakd.utils.files",
        "bench.cli, bench.plan.config, bench.records.store, bench.records.compare",
        "bench.report.render, bench.run.runner",
    ],
)
def test_modules_that_work_without_torch(modules):
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False, cwd=ROOT)
    assert done.returncode == 0
