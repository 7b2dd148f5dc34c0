"""``pcakd list``: the names of students, backbones with their weight sets, and transforms."""

import argparse

from tabulate import tabulate

from pcakd.backbones import get_backbone_entry, list_backbones
from pcakd.commands.parser import add_example
from pcakd.students import list_students, load_student
from pcakd.transforms import TRANSFORMS
from pcakd.weights import all_weight_sets, get_weight_set
from pcakd.zoo import CURRENT

_TIMM_TAPS = "first four feature levels (needs the extra timm)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_example(parser, "pcakd list")


def run(args: argparse.Namespace) -> int:
    """Print a table of students, a table of backbones and the transforms."""
    del args
    students, backbones = (tabulate(rows, headers="keys") for rows in (_students(), _backbones()))
    print(f"Students (pcakd stylize --student NAME)\n\n{students}\n")
    print(f"Backbones (pcakd distill --backbone NAME --weights WEIGHTS)\n\n{backbones}\n")
    print(f"Transforms (pcakd stylize --transform NAME)\n\n{', '.join(TRANSFORMS)}")
    return 0


def _students() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    current = {f"{name}@{version}": name for name, version in CURRENT.items()}
    for name in list_students(versions=True):
        student = load_student(name)
        teacher = student.card.get("teacher", {})
        rows.append(
            {
                "student": current.get(name, name),
                "version": f"{name.rpartition('@')[2]}{' (current)' if name in current else ''}",
                "ranks": ", ".join(map(str, student.spec.ranks)),
                "parameters": f"{student.num_params:,}",
                "distilled from": f"{teacher.get('backbone')} ({teacher.get('weight_set')})",
            }
        )
    return rows


def _backbones() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name in list_backbones():
        entry = get_backbone_entry(name)
        taps, widths = ", ".join(entry.taps), ", ".join(map(str, entry.widths))
        rows += [_row(name, each, taps, widths) for each in entry.weight_sets or (None,)]
    for weights in all_weight_sets():
        if weights.backbone.startswith("timm/"):
            rows.append(_row(weights.backbone, weights.name, _TIMM_TAPS, ""))
    rows.append({"backbone": "timm/NAME", "weights": "timm, FILE", "hash": "unverified",
                 "taps": _TIMM_TAPS, "channels": ""})  # fmt: skip
    return rows


def _row(backbone: str, weight_set: str | None, taps: str, channels: str) -> dict[str, object]:
    pinned = weight_set is not None and get_weight_set(backbone, weight_set).sha256 is not None
    return {
        "backbone": backbone,
        "weights": weight_set or "random",
        "hash": "pinned" if pinned else "unverified" if weight_set else "none",
        "taps": taps,
        "channels": channels,
    }
