"""``bench selftest``: measure one subject under two names, and count how often they disagree."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.analysis.intervals import MIN_PROCESSES
from bench.commands.options import (
    add_config_argument,
    add_device_argument,
    add_resolution_argument,
)
from bench.commands.output import open_run_folder
from bench.machine.neighbours import busy_neighbours
from bench.plan.config import find_config, load_profile
from pcakd.commands.parser import path_argument
from pcakd.errors import ConfigError

if TYPE_CHECKING:
    from bench.plan.config import BenchmarkProfile
    from bench.records.schema import Record

EXAMPLE = "bench selftest mobilenet_v1 --resolution HD --out reports/selftest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "subject",
        nargs="?",
        default="mobilenet_v1",
        help="as for `pcakd-bench run --subjects` (default: mobilenet_v1)",
    )
    add_resolution_argument(parser)
    parser.add_argument(
        "--comparisons",
        type=int,
        default=40,
        metavar="N",
        help="comparisons of the subject with itself (default: 40)",
    )
    parser.add_argument(
        "--profile",
        default="quick",
        help="benchmark profile whose processes, calls and rounds are taken (default: quick)",
    )
    parser.add_argument(
        "--neighbours",
        type=int,
        default=0,
        metavar="N",
        help="measure beside N endless loops, each on a core (default: 0)",
    )
    parser.add_argument(
        "--out",
        type=path_argument,
        metavar="DIR",
        help="folder whose records.jsonl gets the records",
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep the comparisons that --out has, and go on"
    )
    add_device_argument(parser)
    add_config_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Measure all comparisons and print the shares of false alarms.

    Returns:
        0, or 1 if a share is greater than accepted.

    Raises:
        PcakdError: An option, the subject or a folder cannot be used, or no comparison succeeded.
    """
    from bench.analysis.selftest import MOST_ALARMS, summarize_selftest
    from bench.report.common.formats import format_count_of

    if args.comparisons < 1:
        raise ConfigError(f"--comparisons must be 1 or more, got {args.comparisons}")
    if args.neighbours < 0:
        raise ConfigError(f"--neighbours must be 0 or more, got {args.neighbours}")
    if args.resume and args.out is None:
        raise ConfigError("--resume needs --out DIR, the folder to continue")
    profile = load_profile(find_config(args.config), args.profile)
    with open_run_folder(args.out) as folder:
        processes, records = _measure(args, profile, folder)
    result = summarize_selftest(records, processes=processes)
    if not result.num_comparisons:
        reason = next((r.reason for r in records if r.status != "ok"), "no reason recorded")
        raise ConfigError(f"no comparison of {args.subject} succeeded: {reason}")
    count = result.num_comparisons
    beside = (
        f" beside {format_count_of(args.neighbours, 'endless loop')}" if args.neighbours else ""
    )
    sys.stdout.write(
        f"{args.subject} compared with itself {count} times, {processes} processes each{beside}: "
        f"{result.num_missing} of {count} pairs of latency intervals miss each other "
        f"({result.num_missing / count:.1%}), {result.num_excluding} of {count} intervals of the "
        f"speed ratio exclude 1 ({result.num_excluding / count:.1%}); accepted are "
        f"{MOST_ALARMS:.0%}. The machine changed during {result.num_disturbed} of "
        f"{result.num_processes} processes\n"
    )
    return int(not result.passed)


def _measure(
    args: argparse.Namespace, profile: "BenchmarkProfile", folder: Path
) -> tuple[int, list["Record"]]:
    from tqdm import tqdm

    from bench.run.context import open_context
    from bench.run.preflight import describe_run
    from bench.run.selftest import NEIGHBOURS, plan_selftest, require_neighbours, run_selftest
    from bench.worker.process import WORKER
    from pcakd.utils.git import git_state
    from pcakd.utils.resolutions import parse_resolution

    resolution = parse_resolution(args.resolution)
    description = describe_run([args.subject], device=args.device, command=WORKER)
    (subject,) = description.subjects
    settings = profile.settings(subject.name, description.machine.device)
    if settings.processes < MIN_PROCESSES:
        raise ConfigError(
            f"profile {profile.name!r} times {subject.name} in {settings.processes} processes, and "
            f"an interval needs {MIN_PROCESSES}; choose another profile"
        )
    cases = plan_selftest(
        subject, settings, resolution, description.machine, comparisons=args.comparisons
    )
    environment = {**description.environment, NEIGHBOURS: args.neighbours}
    context = open_context(
        folder,
        replace(description, environment=environment),
        device=args.device,
        commit=git_state(),
        resume=args.resume,
        command=WORKER,
    )
    require_neighbours(context.recorder.known.values(), args.neighbours)
    with (
        busy_neighbours(args.neighbours),
        tqdm(total=len(cases), desc="self-test", unit="process", disable=None) as bar,
    ):
        return settings.processes, run_selftest(context, cases, bar)
