"""Options and output that ``bench quality`` and ``bench score`` share. Imports no torch."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.commands.options import add_config_argument, add_device_argument
from bench.commands.output import STANDARD_OUTPUT, add_json_argument
from pcakd.commands.parser import path_argument

if TYPE_CHECKING:
    import torch

    from bench.plan.image_pairs import ImagePair
    from bench.quality.rows import Row
    from bench.records.schema import MetricName


def add_shared_arguments(
    parser: argparse.ArgumentParser, *, json_required: bool = True, pairs_required: bool = True
) -> None:
    """Add ``--pairs``, ``--json``, ``--device`` and ``--config``."""
    parser.add_argument(
        "--pairs",
        type=path_argument,
        required=pairs_required,
        metavar="DIR",
        help="folder of image pairs, NN_content.* and NN_style.*",
    )
    add_json_argument(parser, "the metric values as a list of rows", required=json_required)
    add_device_argument(parser, "cpu")
    add_config_argument(parser, "file whose table [metrics] chooses the metrics")


def open_shared(args: argparse.Namespace) -> tuple["torch.device", list["ImagePair"]]:
    """Check the shared options and return the device and the image pairs.

    Raises:
        PcakdError: The folder of the JSON file does not exist, or the device or the image pairs
            cannot be used.
    """
    from bench.machine.threads import bound_threads
    from bench.quality.pairs import find_pairs
    from pcakd.utils.devices import resolve_device
    from pcakd.utils.files import require_output

    if args.json is not None:
        require_output(args.json, ".json")
    bound_threads()
    return resolve_device(args.device), find_pairs(args.pairs)


def choose_metrics(args: argparse.Namespace) -> tuple["MetricName", ...]:
    """Return the metrics that the configuration file chooses.

    Raises:
        ConfigError: The file cannot be read, or names an unknown metric.
    """
    from bench.plan.config import find_config, load_metrics

    return load_metrics(find_config(args.config))


def finish(args: argparse.Namespace, rows: Sequence["Row"]) -> int:
    """Write the rows to the JSON file, if one is given, print the means and return 0.

    With ``--json -`` the rows go to standard output and the means to standard error.

    Raises:
        OutputError: The file cannot be written.
    """
    from bench.quality.rows import render_means, render_rows

    return finish_texts(args, render_rows(rows), render_means(rows))


def finish_texts(args: argparse.Namespace, rows: str, means: str) -> int:
    """Write rows, which are JSON already, and print means, as `finish` does.

    Raises:
        OutputError: The file cannot be written.
    """
    from pcakd.utils.files import write_text

    if args.json == STANDARD_OUTPUT:
        sys.stdout.write(rows)
        sys.stderr.write(means + "\n")
    else:
        if args.json is not None:
            write_text(args.json, rows)
        sys.stdout.write(means + "\n")
    return 0
