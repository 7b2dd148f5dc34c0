"""``bench capacity``: the largest image of each subject within a given memory."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.options import add_config_argument, add_device_argument, split_names
from bench.commands.output import add_json_argument, open_run_folder, write_json
from bench.plan.config import BenchmarkProfile, find_config, load_profile
from pcakd.commands.parser import path_argument

if TYPE_CHECKING:
    from bench.records.schema import Record
    from pcakd.utils.resolutions import Resolution

EXAMPLE = "bench capacity mobilenet_v1,vgg16,mkl --memory 512MiB --max-resolution 4K"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from bench.run.largest_image import LARGEST

    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "subjects",
        nargs="+",
        metavar="A,B",
        help="as for `pcakd-bench run --subjects`; spaces separate them as well",
    )
    parser.add_argument(
        "--memory",
        required=True,
        metavar="SIZE",
        help="what a subject may take, as in 2GiB or 512MiB: on a CPU what it adds to its process, "
        "on a GPU what torch's allocator may hold",
    )
    parser.add_argument(
        "--max-resolution",
        default=LARGEST,
        metavar="R",
        help=f"the largest size to try: HD to 8K, or WIDTHxHEIGHT (default: {LARGEST})",
    )
    add_device_argument(parser)
    parser.add_argument(
        "--out",
        type=path_argument,
        metavar="DIR",
        help="run folder whose records.jsonl gets the records; `pcakd-bench report DIR` shows them",
    )
    add_json_argument(parser, "the rows")
    parser.add_argument(
        "--profile",
        default="quick",
        help="benchmark profile whose case_seconds and memory_fraction apply (default: quick)",
    )
    add_config_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Search for each subject, print the table, and write records and rows where asked.

    Raises:
        PcakdError: An option, a subject or a file cannot be used.
    """
    from bench.report.common.summary import summarize
    from bench.report.cost.largest_image import capacity_rows, console_text
    from bench.run.largest_image import parse_memory, require_searchable
    from pcakd.utils.files import require_output
    from pcakd.utils.resolutions import parse_resolution

    profile = load_profile(find_config(args.config), args.profile)
    subjects = split_names("SUBJECTS", ",".join(args.subjects))
    memory = parse_memory(args.memory)
    largest = parse_resolution(args.max_resolution)
    require_searchable(largest)
    if args.json is not None:
        require_output(args.json, ".json")
    profile = replace(profile, capacity_gib=memory / 2**30)
    with open_run_folder(args.out) as folder:
        records = measure(subjects, profile, largest, folder, device=args.device)
    rows = [row.numbers() for row in capacity_rows(summarize(records))]
    write_json(args.json, rows, console_text(records))
    return 0


def measure(
    subjects: tuple[str, ...],
    profile: BenchmarkProfile,
    largest: "Resolution",
    folder: Path,
    *,
    device: str | None = None,
    command: tuple[str, ...] | None = None,
) -> list["Record"]:
    """Search for the largest image of each subject and add the records to a folder.

    Args:
        subjects: Names for `bench.subjects.parse_subject`.
        profile: Gives the memory, time budgets and memory limits.
        largest: The largest size to try.
        folder: The run folder; its records of the same cases are measured again.
        device: Name of a device, or None for the fastest one.
        command: How to start a child process, if not as a `bench.worker`.

    Raises:
        PcakdError: A subject or the device cannot be used.
    """
    from tqdm import tqdm

    from bench.plan.cases import require_cost
    from bench.run import largest_image
    from bench.run.context import open_context
    from bench.run.preflight import describe_run
    from bench.worker.process import WORKER
    from pcakd.utils.git import git_state

    command = command or WORKER
    description = describe_run(subjects, device=device, command=command)
    for subject in description.subjects:
        require_cost(subject)
    machine = description.machine
    cases = [
        largest_image.plan_largest(
            each, profile.settings(each.name, machine.device), largest, machine
        )
        for each in description.subjects
    ]
    context = open_context(folder, description, device=device, commit=git_state(), command=command)
    with tqdm(total=len(cases), desc="capacity", unit="subject") as bar:
        return largest_image.run(context, cases, bar)
