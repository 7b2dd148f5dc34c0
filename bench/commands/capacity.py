"""``bench capacity``: the largest image of each subject within a given memory."""

import argparse
from dataclasses import replace
from pathlib import Path

from bench.commands.output import add_json_argument, open_run_folder, write_json
from bench.plan.config import CONFIG_NAME, load_profile

EXAMPLE = "bench capacity mobilenet_v1,vgg16,mkl --memory 512MiB --max-resolution 4K"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from bench.run.largest_image import LARGEST

    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "subjects",
        nargs="+",
        metavar="A,B",
        help="as for bench run --subjects; spaces separate them as well",
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
        help=f"the largest size to try: HD to 8K, or WIDTHxHEIGHT ({LARGEST})",
    )
    parser.add_argument("--device", help="cpu, cuda or mps (the accelerator, if there is one)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="run folder that takes the records; `bench report DIR` then shows them",
    )
    add_json_argument(parser, "the rows")
    parser.add_argument(
        "--profile", default="quick", help="whose case_seconds and memory_fraction hold (quick)"
    )
    parser.add_argument(
        "--config", type=Path, default=Path(CONFIG_NAME), metavar="FILE", help=f"({CONFIG_NAME})"
    )


def run(args: argparse.Namespace) -> int:
    """Search for each subject, print the table, and write records and rows where asked.

    Raises:
        PcakdError: An option, a subject or a file that cannot be used.
    """
    from bench.commands.run import choose_profile
    from bench.plan.cases import parse_resolution
    from bench.report.common.summary import summarize
    from bench.report.cost.largest_image import capacity_rows, console_text
    from bench.run.largest_image import parse_memory, require_room
    from bench.run.runner import Request, run_capacity
    from pcakd.utils.files import require_parent
    from pcakd.utils.git import git_state

    profile = choose_profile(load_profile(args.config, args.profile), ",".join(args.subjects), None)
    memory = parse_memory(args.memory)
    largest = parse_resolution(args.max_resolution)
    require_room(largest)
    if args.json is not None:
        require_parent(args.json)
    with open_run_folder(args.out) as folder:
        request = Request(
            profile=replace(profile, capacity_gib=memory / 2**30),
            device=args.device,
            out=folder,
            commit=git_state(),
        )
        records = run_capacity(request, largest=largest)
    rows = [row.numbers() for row in capacity_rows(summarize(records))]
    write_json(args.json, rows, console_text(records))
    return 0
