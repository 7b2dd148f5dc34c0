"""``bench score``: quality of external results, a folder of stylized images."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.output import STANDARD_OUTPUT, open_own_folder
from bench.commands.results import (
    add_shared_arguments,
    choose_metrics,
    finish,
    finish_texts,
    open_shared,
)
from pcakd.commands.parser import path_argument
from pcakd.errors import ConfigError

if TYPE_CHECKING:
    import torch

    from bench.plan.image_pairs import ImagePair
    from bench.quality.evaluation import EvaluatedFile
    from bench.quality.metrics import Metrics
    from bench.records.schema import MetricName, Record
    from bench.run.external import ExternalResults

_SHOWN = 5
EXAMPLE = "bench score --pairs photos/pairs --results outputs/mine --out reports/mine"
REFERENCE_EXAMPLE = "bench score --results outputs/mine --reference photos/truth --json mine.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        f"example: python -m {EXAMPLE}; against ground truth: python -m {REFERENCE_EXAMPLE}"
    )
    add_shared_arguments(parser, json_required=False, pairs_required=False)
    parser.add_argument(
        "--reference",
        type=path_argument,
        metavar="DIR",
        help="instead of --pairs: folder of ground truth images with the names and sizes of the "
        "results, measured by PSNR, SSIM, LPIPS and histogram correlation",
    )
    parser.add_argument(
        "--results",
        type=path_argument,
        required=True,
        metavar="DIR",
        help="folder of stylized images NN.*, each of the size of its content",
    )
    parser.add_argument(
        "--out",
        type=path_argument,
        metavar="DIR",
        help="run folder to add the results to, as a subject with quality and no cost; --pairs "
        "must be the image pairs of the run, and its image size is used",
    )
    parser.add_argument(
        "--name", metavar="NAME", help="name of the subject (default: the name of --results)"
    )
    parser.add_argument(
        "--trained-metrics",
        type=_read_metrics,
        default=(),
        metavar="A,B",
        help="metrics whose formulas the other software optimises, such as gram; tables mark them "
        "and their close relatives, as those of students (default: as when the results were added "
        "before)",
    )


def _read_metrics(text: str) -> tuple["MetricName", ...]:
    """Read names of metrics, separated by commas."""
    from bench.plan.config import refuse_repeats, refuse_unknown_metric

    try:
        names: tuple[MetricName, ...] = tuple(
            refuse_unknown_metric(name.strip()) for name in text.split(",")
        )
        return refuse_repeats(names)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run(args: argparse.Namespace) -> int:
    """Measure the images, print their means, and write rows, records and a report.

    Raises:
        PcakdError: An option, a file or an image cannot be used.
    """
    from bench.quality.pairs import find_others, find_results

    if (args.pairs is None) == (args.reference is None):
        raise ConfigError(
            "give either --pairs (folder of image pairs) or --reference (folder of ground truth)"
        )
    if args.reference is not None:
        return _score_references(args)
    if args.json is None and args.out is None:
        raise ConfigError("no output is given; give --json FILE, --out RUN_FOLDER or both")
    device, pairs = open_shared(args)
    results = find_results(args.results, [pair.name for pair in pairs])
    missing = [pair.name for pair in pairs if pair.name not in results]
    if missing:
        sys.stderr.write(f"bench: note: no result for {', '.join(missing)}; the means omit them\n")
    if others := find_others(args.results, results):
        shown = ", ".join(others[:_SHOWN]) + (" and more" if len(others) > _SHOWN else "")
        sys.stderr.write(f"bench: note: ignored, no image pair has these names: {shown}\n")
    name = _subject_name(args)
    if args.out is not None:
        with open_own_folder(args.out):
            return _add_to_run(args, name, results, pairs, device)

    from bench.quality.evaluation import evaluate_results
    from bench.quality.metrics import Metrics

    metrics = Metrics(names=choose_metrics(args), device=device)
    rows = evaluate_results(name, results, pairs, metrics, trained=args.trained_metrics)
    return finish(args, rows)


def _subject_name(args: argparse.Namespace) -> str:
    name: str = args.results.resolve().name if args.name is None else args.name
    return name


def _score_references(args: argparse.Namespace) -> int:
    """Measure the images against ground truth, print the means and write the rows."""
    from bench.quality.reference import (
        evaluate_references,
        match_references,
        render_reference_means,
        render_reference_rows,
    )
    from pcakd.utils.devices import resolve_device
    from pcakd.utils.files import require_parent

    if args.out is not None:
        raise ConfigError("--out takes no --reference: a run folder has no ground truth; drop one")
    if args.trained_metrics:
        raise ConfigError("--trained-metrics is for --pairs; drop it")
    if args.json is not None:
        require_parent(args.json)
    device = resolve_device(args.device)
    files = match_references(args.results, args.reference)
    rows = evaluate_references(_subject_name(args), files, device=device)
    return finish_texts(args, render_reference_rows(rows), render_reference_means(rows))


def _add_to_run(
    args: argparse.Namespace,
    name: str,
    results: Mapping[str, Path],
    pairs: Sequence["ImagePair"],
    device: "torch.device",
) -> int:
    """Add the metric values of all images to a run folder, or none, and render its report."""
    from bench.quality.evaluation import create_row, evaluate_files
    from bench.quality.metrics import Metrics
    from bench.quality.pairs import describe_pair
    from bench.records.store import append_record, read_latest_records
    from bench.report.render import render_report
    from bench.run import external, same_pairs

    known = read_latest_records(args.out)
    added = external.ExternalResults(
        name=name,
        subject_hash=external.hash_results(results),
        trained_metrics=args.trained_metrics or external.find_trained_metrics(known, name),
    )
    external.require_free_name(known, added)
    max_side = external.evaluated_side(known)
    described = [describe_pair(pair, max_side) for pair in pairs]
    same_pairs.require_same_pairs(known, described)
    metrics = Metrics(names=choose_metrics(args), device=device, max_side=max_side)
    external.require_same_protocol(known, metrics.protocol)

    evaluated = list(evaluate_files(results, pairs, metrics, max_side=max_side))
    for record in _create_records(added, described, evaluated, metrics, max_side, device):
        append_record(args.out, record)
    rows = [
        create_row(name, each.pair, each.values, metrics, trained=added.trained_metrics)
        for each in evaluated
        if each.values
    ]
    status = finish(args, rows)
    page = render_report(args.out)
    (sys.stderr if args.json == STANDARD_OUTPUT else sys.stdout).write(f"{page}\n")
    return status


def _create_records(
    added: "ExternalResults",
    pairs: Sequence["ImagePair"],
    evaluated: Sequence["EvaluatedFile"],
    metrics: "Metrics",
    max_side: int,
    device: "torch.device",
) -> list["Record"]:
    """Return one record for each image pair, also for those without a result."""
    from bench.machine.environment import describe_environment
    from bench.run.context import complete_environment
    from bench.run.external import quality_record
    from pcakd.utils.git import git_state

    by_pair = {each.pair: each for each in evaluated}
    commit, dirty = git_state()
    environment = complete_environment(describe_environment(device), (commit, dirty))
    return [
        quality_record(
            added,
            pair,
            by_pair.get(pair.name),
            max_side=max_side,
            protocol=metrics.protocol,
            environment=environment,
            commit=commit,
            dirty=dirty,
        )
        for pair in pairs
    ]
