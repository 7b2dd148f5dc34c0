"""``bench ratio``: two subjects timed in turn on one device, and the ratio of their speeds."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from bench.commands.options import add_device_argument, add_resolution_argument
from bench.commands.output import add_json_argument, open_run_folder, write_json
from bench.records.schema import Beside
from pcakd.commands.parser import path_argument
from pcakd.errors import ConfigError

if TYPE_CHECKING:
    from bench.analysis.ratios import SpeedRatio
    from bench.records.schema import Record

EXAMPLE = "bench ratio vgg19-full vgg16 --resolution HD --rounds 6"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument("first", metavar="A", help="a subject, as for `pcakd-bench run --subjects`")
    parser.add_argument("second", metavar="B", help="another one: how many times as fast as A?")
    add_resolution_argument(parser)
    parser.add_argument(
        "--rounds",
        type=int,
        default=6,
        metavar="N",
        help="timed calls of each in a process, in turn (default: 6)",
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=3,
        metavar="P",
        help="processes that take the rounds (default: 3, the fewest whose interval includes the "
        "variation between processes)",
    )
    parser.add_argument(
        "--warmup", type=int, default=1, metavar="W", help="untimed calls of each (default: 1)"
    )
    add_device_argument(parser)
    parser.add_argument(
        "--seconds",
        type=float,
        default=900.0,
        metavar="S",
        help="time budget of a process (default: 900)",
    )
    parser.add_argument(
        "--beside",
        choices=get_args(Beside),
        help="measure beside as many endless loops as there are threads, or beside one PyTorch "
        "program with as many threads (default: neither)",
    )
    parser.add_argument(
        "--out",
        type=path_argument,
        metavar="DIR",
        help="run folder whose records.jsonl gets the record",
    )
    add_json_argument(parser, "the record and its ratio")


def run(args: argparse.Namespace) -> int:
    """Measure, print the ratio with its interval, and add the record to the run folder.

    Running out of time or memory is a result: it is printed and recorded.

    Raises:
        PcakdError: An option, a subject or a folder cannot be used.
    """
    from bench.analysis.ratios import describe_ratio, speed_ratios
    from pcakd.utils.files import require_output

    if args.json is not None:
        require_output(args.json, ".json")
    with open_run_folder(args.out) as folder:
        records = _measure(args, folder)
    (speed,) = speed_ratios(records, busy=True)
    write_json(args.json, _as_json(speed, records), describe_ratio(speed))
    return 0


def _measure(args: argparse.Namespace, folder: Path) -> list["Record"]:
    from tqdm import tqdm

    from bench.plan.cases import in_rounds
    from bench.plan.settings import CaseSettings
    from bench.run.context import open_context
    from bench.run.preflight import describe_run
    from bench.run.speed_ratio import plan_ratio
    from bench.run.speed_ratio import run as run_ratios
    from bench.worker.process import WORKER
    from pcakd.utils.git import git_state
    from pcakd.utils.resolutions import parse_resolution

    if args.rounds < 1 or args.processes < 1 or args.warmup < 0 or args.seconds <= 0:
        raise ConfigError("--rounds must be ≥ 1, --processes ≥ 1, --warmup ≥ 0 and --seconds > 0")
    resolution = parse_resolution(args.resolution)
    settings = CaseSettings(
        profile="ratio",
        warmup=args.warmup,
        samples=args.rounds,
        ratio_rounds=args.rounds,
        processes=args.processes,
        case_seconds=args.seconds / 2,  # of each of the two subjects
        memory_fraction=0.75,
    )
    names = dict.fromkeys((args.first, args.second))
    description = describe_run(list(names), device=args.device, command=WORKER)
    by_source = {subject.source: subject for subject in description.subjects}
    planned = plan_ratio(
        (by_source[args.first], by_source[args.second]),
        (settings, settings),
        resolution,
        description.machine,
        beside=args.beside,
    )
    context = open_context(
        folder, description, device=args.device, commit=git_state(), command=WORKER
    )
    cases = in_rounds([planned])
    with tqdm(total=len(cases), unit="process", leave=False, disable=None) as bar:
        return run_ratios(context, cases, bar)


def _as_json(speed: "SpeedRatio", records: Sequence["Record"]) -> dict[str, Any]:
    """Return the ratio and all records; ``record``, the last one, stands for one process."""
    ratio = asdict(speed.ratio) if speed.ratio else None
    every = [asdict(record) for record in records]
    return {"ratio": ratio, "record": asdict(speed.record), "records": every}
