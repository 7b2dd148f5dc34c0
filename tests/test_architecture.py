"""Data flows one way: the imports of both packages, read with ``ast``, against a table."""

import ast
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent

# every room of pcakd and the rooms that it may use
PCAKD = {
    "errors": set(),
    "machine": set(),
    "memory": set(),
    "precision": set(),
    "regions": set(),
    "revision": set(),
    "registry": {"errors"},
    "files": {"errors"},
    "linalg": {"errors", "regions"},
    "filters": {"errors", "regions"},
    "images": {"errors", "files"},
    "weights": {"errors", "files", "registry"},
    "backbones": {"blocks", "errors", "files", "registry", "weights"},
    "eigenbases": {"errors", "files"},
    "blocks": {"errors"},
    "students": {"blocks", "errors", "files", "registry"},
    "transforms": {"linalg", "regions", "registry"},
    "tiling": {"blocks", "transforms"},
    "stylize": {"blocks", "errors", "linalg", "regions", "tiling", "transforms"},
    "distill": {
        "backbones",
        "blocks",
        "eigenbases",
        "errors",
        "files",
        "images",
        "linalg",
        "machine",
        "revision",
        "precision",
        "students",
    },
    "commands": {
        "backbones",
        "distill",
        "eigenbases",
        "errors",
        "files",
        "filters",
        "images",
        "linalg",
        "memory",
        "precision",
        "registry",
        "students",
        "stylize",
        "transforms",
        "weights",
    },
    "cli": {"commands", "errors", "memory"},
    "__main__": {"cli"},
}


def _edges(package: str) -> dict[str, set[str]]:
    """Map each room (module or folder) of a package to the rooms of both packages it imports."""
    edges: dict[str, set[str]] = {}
    for path in (ROOT / package).rglob("*.py"):
        room = path.relative_to(ROOT).with_suffix("").parts[:2]
        found = edges.setdefault(".".join(room).removesuffix(".__init__"), set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
                if node.module in ("pcakd", "bench"):
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                if name.split(".")[0] in ("pcakd", "bench"):
                    found.add(".".join(name.split(".")[:2]))
    return {room: {t for t in targets if t != room} for room, targets in edges.items()}


def test_pcakd_imports_what_the_table_allows():
    for room, targets in _edges("pcakd").items():
        if room == "pcakd":
            assert not targets
            continue
        names = {t.removeprefix("pcakd.") for t in targets} - {"__version__"}
        allowed = PCAKD.get(room.removeprefix("pcakd."), set())
        assert names <= allowed, f"{room} imports {names - allowed}, which the table does not list"


def test_pcakd_never_imports_the_harness():
    assert not [t for targets in _edges("pcakd").values() for t in targets if t.startswith("bench")]


def test_no_room_is_part_of_a_cycle():
    TopologicalSorter(_edges("pcakd") | _edges("bench")).prepare()


def test_rooms_that_work_without_torch():
    code = (
        "import sys, bench.cli, bench.store, bench.compare, bench.report.render, pcakd, "
        "pcakd.errors, pcakd.files; sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False, cwd=ROOT)
    assert done.returncode == 0
