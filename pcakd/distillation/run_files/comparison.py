"""Comparison of two students: the same weights or not, and differences of their cards."""

from collections.abc import Iterator
from typing import Any

import torch

from pcakd.students import Student

_SETTINGS = (
    *("teacher", "perceptual", "photos", "recipe", "ranks", "device", "cpu", "threads"),
    *("processes", "torch", "teacher_dtype", "step_dtype", "software"),
)


def has_same_weights(student: Student, other: Student) -> bool:
    """Return whether two students have the same tensors, bit for bit."""
    mine, theirs = student.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


def describe_reproduction(student: Student, other: Student, *, name: str) -> str:
    """Describe in one line how a student compares with another of the same backbone.

    Args:
        student: The new student.
        other: The student to compare with.
        name: Name of the other student.
    """
    if has_same_weights(student, other):
        return f"the same weights as {name}, bit for bit"
    mine, theirs = student.state_dict(), other.state_dict()
    shapes = {key: tensor.shape for key, tensor in mine.items()}
    if shapes != {key: tensor.shape for key, tensor in theirs.items()}:
        return f"another network than {name}: {_network(student)}, not {_network(other)}"
    different = [key for key in mine if not torch.equal(mine[key], theirs[key])]
    largest = max(float((mine[key] - theirs[key]).abs().max()) for key in different)
    named = [
        *_differences(student.card, other.card),
        *_sessions(student.card, other.card),
    ]
    reasons = "; ".join(named or _commits(student.card, other.card)) or "the cards name no reason"
    return (
        f"other weights than {name}: {len(different)} of {len(mine)} tensors differ, by at most "
        f"{largest:.2g} ({reasons})"
    )


def _network(student: Student) -> str:
    ranks = ", ".join(map(str, student.spec.ranks))
    return f"{student.spec.architecture} of ranks {ranks}"


def _commits(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Describe another commit; it is named only if nothing else differs."""
    one, other = mine.get("commit"), theirs.get("commit")
    return [f"commit is {one}, was {other}"] if one != other else []


def _differences(mine: dict[str, Any], theirs: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Describe settings that differ; entries that only one card has are of another release."""
    keys = _SETTINGS if not prefix else sorted(mine)
    for key in keys:
        if key not in mine or key not in theirs:
            continue
        one, other = mine[key], theirs[key]
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other, f"{prefix}{key}.")
        elif one != other:
            yield f"{prefix}{key} is {one}, was {other}"


def _sessions(mine: dict[str, Any], theirs: dict[str, Any]) -> Iterator[str]:
    """Describe trainings that resumed on another machine."""
    for card, whose in ((mine, "this one"), (theirs, "the other one")):
        if "sessions" in card:
            yield f"{whose} resumed with another machine, release or number of threads"
