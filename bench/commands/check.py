"""``bench check``: parameters and multiply-adds against the committed records, exactly."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from bench.records.compare import (
    QUANTITIES,
    Comparison,
    CostKey,
    Counts,
    compare_counts,
    recorded_counts,
)
from bench.records.identity import latest_records
from bench.records.store import read_records, records_path
from pcakd.commands.parser import path_argument
from pcakd.errors import ConfigError, UnknownNameError, WeightsError

if TYPE_CHECKING:
    from bench.subjects import Subject

EXAMPLE = "bench check"
_COMMITTED = (Path("reports/cpu"), Path("reports/cap-vstnet"), Path("reports/small"))
_TITLES = ("Parameters", "Eigenbases", "MACs content", "MACs total")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "--records",
        type=path_argument,
        nargs="+",
        default=_COMMITTED,
        metavar="DIR",
        help="folders with the records.jsonl to check against (default: "
        f"{' '.join(map(str, _COMMITTED))})",
    )


def run(args: argparse.Namespace) -> int:
    """Recompute every recorded count and print the comparison.

    A known subject without a record is missing, and so is a recorded subject that this version does
    not know.

    Returns:
        0 if all counts are the same, otherwise 1.

    Raises:
        ConfigError: The records cannot be read, have no cost case, or contradict each other.
    """
    recorded: dict[CostKey, Counts] = {}
    for folder in args.records:
        if not records_path(folder).exists():
            raise ConfigError(
                f"{records_path(folder)} does not exist; run this in a checkout of the project, or "
                "name folders that `pcakd-bench run` wrote with --records"
            )
        found = recorded_counts(latest_records(read_records(folder)))
        if not found:
            raise ConfigError(f"{folder} has no cost records; run `python -m bench run` into it")
        for key in recorded.keys() & found.keys():
            if recorded[key] != found[key]:
                case = f"{key.subject} at {key.width}×{key.height}"
                raise ConfigError(
                    f"the counts of {case} in {folder} differ from those of a folder before; "
                    "measure one of them again"
                )
        recorded |= found
    import torch

    torch.set_num_threads(1)  # the traced images are tiny, and threads would slow them down
    comparisons = compare_counts(recorded, compute_counts(recorded))
    sys.stdout.write(render_comparisons(comparisons) + "\n")
    return int(any(each.verdict != "same" for each in comparisons))


def compute_counts(recorded: Iterable[CostKey]) -> dict[CostKey, Counts]:
    """Recompute the recorded cases, and those of all other known subjects at the same sizes.

    Subjects that this version does not know are left out, and trained peers without a record: those
    of VGG-16 count like the network of their paper.
    """
    from bench.peers import zoo
    from bench.subjects import list_subjects

    keys = list(recorded)
    sizes = list(dict.fromkeys((key.width, key.height) for key in keys))
    computed: dict[CostKey, Counts] = {}
    untrained = (name for name in list_subjects() if not zoo.is_name(name))
    for name in dict.fromkeys((*(key.subject for key in keys), *untrained)):
        subject = _find_subject(name)
        if subject is None:
            continue
        transforms = dict.fromkeys(key.transform for key in keys if key.subject == name)
        for transform in transforms or subject.transforms[:1]:
            if transform in subject.transforms:
                computed |= _count(name, subject, transform, sizes)
    return computed


def render_comparisons(comparisons: Sequence[Comparison]) -> str:
    """Write one line for each case, and a last line that counts the verdicts."""
    rows = [
        [
            each.key.subject,
            each.key.transform,
            f"{each.key.width}×{each.key.height}",
            *(_cell(each, quantity) for quantity in QUANTITIES),
            each.verdict if each.verdict == "same" else each.verdict.upper(),
        ]
        for each in comparisons
    ]
    headers = ["Subject", "Transform", "Size", *_TITLES, "Verdict"]
    table = tabulate(rows, headers, tablefmt="simple", disable_numparse=True)
    tally = Counter(each.verdict for each in comparisons)
    counts = ", ".join(
        f"{tally[verdict]} {verdict}" for verdict in ("same", "different", "missing")
    )
    return f"{table}\n{len(comparisons)} cases: {counts}"


def _find_subject(name: str) -> "Subject | None":
    """Return a subject of this project; names in files never import code of others."""
    from bench.plan.factories import find_factories
    from bench.subjects import drop_precision, parse_subject

    if find_factories([name]):
        return None
    try:
        return parse_subject(drop_precision(name))  # half precision is slow on a CPU
    except UnknownNameError:
        return None
    except WeightsError as error:
        sys.stderr.write(f"bench: warning: {name} cannot be counted: {error}\n")
        return None


def _count(
    name: str, subject: "Subject", transform: str, sizes: Sequence[tuple[int, int]]
) -> dict[CostKey, Counts]:
    from bench.profiling.macs import count_macs

    prepared = subject.prepare("cpu", transform=transform)
    counted = count_macs(prepared, [(height, width) for width, height in sizes])
    return {
        CostKey(subject=name, transform=transform, width=width, height=height): Counts(
            num_params=subject.num_params,
            num_eigenbasis_params=subject.num_eigenbasis_params,
            macs_content=count.macs_content,
            macs_total=count.macs_total,
        )
        for (width, height), count in zip(sizes, counted, strict=True)
    }


def _cell(comparison: Comparison, quantity: str) -> str:
    """Write one count if both sides agree, else both: recorded → computed."""
    recorded, computed = comparison.values_of(quantity)
    if recorded == computed and recorded is not None:
        return f"{recorded:,}"
    texts = ["missing" if value is None else f"{value:,}" for value in (recorded, computed)]
    return " → ".join(texts)
