"""``bench profile``: the time breakdown of a subject by section, and a trace for Perfetto."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from bench.commands.options import add_device_argument
from bench.commands.output import add_json_argument, open_run_folder, write_json
from bench.plan.cases import require_cost
from bench.plan.settings import CaseSettings
from bench.run.breakdown import measure_breakdown
from bench.run.context import open_context
from bench.run.cost import plan_size
from bench.run.preflight import describe_run
from bench.worker.process import WORKER
from pcakd.commands.parser import path_argument
from pcakd.errors import ConfigError
from pcakd.utils.files import require_output
from pcakd.utils.resolutions import parse_resolution

if TYPE_CHECKING:
    from bench.records.schema import Record

EXAMPLE = "bench profile vgg16 --resolution HD"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "subject",
        metavar="SUBJECT",
        help="as for --subjects of `pcakd-bench run`: a name or a file, +fp16, +bf16, +int8, "
        "@TRANSFORM, >lut33, |FILTER",
    )
    parser.add_argument(
        "--resolution",
        required=True,
        metavar="R",
        help="HD, FHD, QHD, 4K, 5K, 8K or a size such as 640x480",
    )
    add_device_argument(parser)
    traces = parser.add_mutually_exclusive_group()
    traces.add_argument(
        "--trace",
        type=path_argument,
        metavar="FILE",
        help="file for a trace of one call, to open in ui.perfetto.dev; compressed if it ends in "
        ".gz (default: SUBJECT-R.trace.json.gz in this folder)",
    )
    traces.add_argument("--no-trace", action="store_true", help="write no trace")
    parser.add_argument(
        "--out",
        type=path_argument,
        metavar="DIR",
        help="run folder whose records.jsonl gets the record; `pcakd-bench report DIR` shows it",
    )
    add_json_argument(parser, "the record and what derives from it")
    parser.add_argument(
        "--warmup", type=int, default=1, metavar="N", help="untimed calls (default: 1)"
    )
    parser.add_argument(
        "--samples",
        type=int,
        default=5,
        metavar="N",
        help="timed calls, each once without and once with timers inside (default: 5)",
    )
    parser.add_argument(
        "--seconds", type=float, default=600.0, metavar="S", help="time budget (default: 600)"
    )


def run(args: argparse.Namespace) -> int:
    """Measure and print the time breakdown, and write the trace, the record and the JSON.

    Raises:
        PcakdError: An option cannot be used, or the subject could not be measured.
    """
    if args.warmup < 0 or args.samples < 1 or args.seconds <= 0:
        raise ConfigError("--warmup must be ≥ 0, --samples ≥ 1 and --seconds > 0")
    trace = choose_trace(args)
    if trace:
        require_output(trace, ".json", ".json.gz")
    if args.json is not None:
        require_output(args.json, ".json")
    with open_run_folder(args.out) as folder:
        record = measure(args, folder)
    if record.status != "ok":
        raise ConfigError(
            f"{record.case.subject} at {record.case.resolution} ended in {record.status} "
            f"({record.reason}); use a smaller --resolution or more --seconds"
        )
    write_json(args.json, describe(record), render(record))
    if record.reason:
        raise ConfigError(record.reason)
    if trace:
        sys.stderr.write(f"trace: {trace}, to open in https://ui.perfetto.dev\n")
    return 0


def choose_trace(args: argparse.Namespace) -> Path | None:
    """Return the file of the trace: the given one, one in this folder, or None.

    Raises:
        PcakdError: The resolution is unknown.
    """
    if args.no_trace or args.trace:
        return None if args.no_trace else args.trace
    name = Path(args.subject).name.replace(".safetensors", "")
    return Path(f"{name}-{parse_resolution(args.resolution).name}.trace.json.gz")


def measure(
    args: argparse.Namespace, folder: Path, *, command: tuple[str, ...] = WORKER
) -> "Record":
    """Measure in a child process and write the record into a folder.

    Raises:
        PcakdError: An option or the subject cannot be used.
    """
    from pcakd.utils.git import git_state

    resolution = parse_resolution(args.resolution)
    settings = CaseSettings(
        profile="profile",
        measured=(resolution.name,),
        warmup=args.warmup,
        samples=args.samples,
        case_seconds=args.seconds,
        memory_fraction=0.9,
    )
    description = describe_run(
        [args.subject], resolutions=[resolution.name], device=args.device, command=command
    )
    (subject,) = description.subjects
    require_cost(subject)
    planned = plan_size(
        "stages", subject, resolution, settings=settings, machine=description.machine
    )
    context = open_context(
        folder, description, device=args.device, commit=git_state(), command=command
    )
    return measure_breakdown(context, planned, trace=choose_trace(args))


def render(record: "Record") -> str:
    """Write the time breakdown of a record as plain text."""
    from bench.report.breakdown.rows import breakdown_rows
    from bench.report.breakdown.tables import SECTION_COLUMNS, section_cells
    from bench.report.common.formats import format_number, format_share
    from bench.report.common.summary import summarize

    (row,) = breakdown_rows(summarize([record]))
    lines = [[cells[name] for name in SECTION_COLUMNS] for cells in section_cells(row)]
    table = tabulate(
        lines,
        SECTION_COLUMNS,
        tablefmt="simple",
        disable_numparse=True,
        colalign=("left", *["right"] * (len(SECTION_COLUMNS) - 1)),
    )
    text = f"{row.subject} at {row.width}×{row.height} on {row.machine.device_name}\n\n{table}\n"
    if row.latency_ms and row.timer_overhead is not None:
        text += (
            f"\nuninstrumented call: median {format_number(row.latency_ms.value)} ms; "
            f"timer overhead {100 * row.timer_overhead:+.1f} %"
        )
    if row.convolution_share is not None and row.bound is not None:
        text += (
            f"\nencode and decode: {format_share(row.convolution_share)} of the time, so thinner "
            f"convolutions alone speed it up at most {format_number(row.bound)} times"
        )
    return text


def describe(record: "Record") -> dict[str, object]:
    """Return the record and what derives from it, as JSON values."""
    from bench.report.breakdown.rows import breakdown_rows
    from bench.report.common.summary import summarize

    (row,) = breakdown_rows(summarize([record]))
    shares = {section: row.share(section) for section in row.sections}
    return {
        "record": asdict(record),
        "share": {section: share for section, share in shares.items() if share is not None},
        "timer_overhead": row.timer_overhead,
        "watching_share": row.timer_overhead,  # the key before 0.2, kept for one release
        "convolution_share": row.convolution_share,
        "speedup_bound": row.bound,
    }
