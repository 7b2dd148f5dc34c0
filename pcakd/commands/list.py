"""``pcakd list``: the students, backbones, weight sets and transforms that can be named."""

import argparse

from tabulate import tabulate

from pcakd.backbones import get_backbone_entry, list_backbones
from pcakd.commands.parser import add_example
from pcakd.students import list_students, load_student
from pcakd.transforms import TRANSFORMS
from pcakd.weights import get_weight_set


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_example(parser, "pcakd list")


def run(args: argparse.Namespace) -> int:
    """Print three tables."""
    del args
    print(tabulate(_students(), headers="keys"), end="\n\n")
    print(tabulate(_backbones(), headers="keys"), end="\n\n")
    print(f"transforms: {', '.join(TRANSFORMS)}")
    return 0


def _students() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name in list_students():
        student = load_student(name)
        teacher = student.card.get("teacher", {})
        rows.append(
            {
                "student": name,
                "ranks": ", ".join(map(str, student.spec.ranks)),
                "parameters": f"{student.num_params:,}",
                "teacher": f"{teacher.get('backbone')} ({teacher.get('weight_set')})",
            }
        )
    return rows


def _backbones() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name in list_backbones():
        entry = get_backbone_entry(name)
        for weight_set in entry.weight_sets or (None,):
            pinned = weight_set is not None and get_weight_set(name, weight_set).sha256 is not None
            rows.append(
                {
                    "backbone": name,
                    "weights": weight_set or "seeded",
                    "hash": "pinned" if pinned else "unverified" if weight_set else "none",
                    "taps": ", ".join(entry.taps),
                    "channels": ", ".join(map(str, entry.widths)),
                }
            )
    return rows
