"""``bench profile``: where a subject's time goes, stage by stage, and a trace for Perfetto."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from bench.commands.output import add_json_argument, open_run_folder, write_json
from bench.plan.cases import parse_resolution, plan_stages, require_cost
from bench.plan.config import Profile
from bench.run.breakdown import StagesRunner
from bench.run.preflight import describe_scene
from bench.run.recorder import Recorder
from bench.worker.process import WORKER
from pcakd.errors import ConfigError
from pcakd.utils.files import require_parent

if TYPE_CHECKING:
    from bench.records.schema import Record

EXAMPLE = "bench profile vgg16 --resolution HD"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = f"example: python -m {EXAMPLE}"
    parser.add_argument(
        "subject",
        metavar="SUBJECT",
        help="as for --subjects of `bench run`: a name or a file, +fp16, +bf16, @TRANSFORM",
    )
    parser.add_argument(
        "--resolution",
        required=True,
        metavar="R",
        help="HD, FHD, QHD, 4K, 5K, 8K or a size such as 640x480",
    )
    parser.add_argument("--device", help="cpu, cuda or mps (the accelerator, if there is one)")
    traces = parser.add_mutually_exclusive_group()
    traces.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="where to write a trace of one call, for ui.perfetto.dev; compressed if it ends in "
        ".gz (SUBJECT-R.trace.json.gz in this folder)",
    )
    traces.add_argument("--no-trace", action="store_true", help="write no trace")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="add the record to this run folder, for `bench report`",
    )
    add_json_argument(parser, "the record and what derives from it")
    parser.add_argument("--warmup", type=int, default=1, metavar="N", help="untimed calls (1)")
    parser.add_argument(
        "--samples", type=int, default=5, metavar="N", help="timed calls, each also watched (5)"
    )
    parser.add_argument(
        "--seconds", type=float, default=600.0, metavar="S", help="budget of time (600)"
    )


def run(args: argparse.Namespace) -> int:
    """Measure the stages, print them, and write a trace, and the record where that was asked for.

    Raises:
        PcakdError: An option cannot be used, or the subject could not be measured.
    """
    trace = choose_trace(args)
    if trace:
        require_parent(trace)
    if args.json is not None:
        require_parent(args.json)
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
    """Return the file of the trace: the one that was named, one in this folder, or none.

    Raises:
        PcakdError: The resolution is none.
    """
    if args.no_trace or args.trace:
        return None if args.no_trace else args.trace
    name = Path(args.subject).name.replace(".safetensors", "")
    return Path(f"{name}-{parse_resolution(args.resolution).name}.trace.json.gz")


def measure(
    args: argparse.Namespace, folder: Path, *, command: tuple[str, ...] = WORKER
) -> "Record":
    """Measure in a process of its own and write the record into a folder.

    Raises:
        PcakdError: An option or the subject cannot be used.
    """
    from pcakd.utils.git import git_state

    resolution = parse_resolution(args.resolution).name
    trace = choose_trace(args)
    profile = Profile(
        name="profile",
        subjects=(args.subject,),
        resolutions=(resolution,),
        measured=(resolution,),
        transforms=("zca", "ot", "adain"),
        warmup=args.warmup,
        samples=args.samples,
        case_seconds=args.seconds,
        memory_fraction=0.9,
        quality_max_side=0,
        stages=(resolution,),
    )
    scene = describe_scene(profile, (), device=args.device, command=command)
    (subject,) = scene.subjects
    require_cost(subject)
    commit, dirty = git_state()
    recorder = Recorder(
        folder=folder, profile=profile, environment=scene.environment, commit=commit, dirty=dirty
    )
    runner = StagesRunner(
        recorder=recorder,
        device=args.device or scene.machine.device,
        memory_bytes=scene.environment["memory_bytes"],
        command=command,
        trace=str(trace) if trace else None,
    )
    ((case, settings),) = plan_stages(profile, subject, scene.machine)
    return runner.run(subject, case, settings)


def render(record: "Record") -> str:
    """Write the stages of a record as plain text."""
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
    text = f"{row.subject} at {row.width}×{row.height} on {row.machine[1]}\n\n{table}\n"
    if row.latency_ms and row.timer_overhead is not None:
        text += (
            f"\nuninstrumented call: median {format_number(row.latency_ms.value)} ms; "
            f"timer overhead {100 * row.timer_overhead:+.1f} %"
        )
    if row.convolution_share is not None and row.bound is not None:
        text += (
            f"\nencode and decode: {format_share(row.convolution_share)} of the time, so thinner "
            f"convolutions alone make it at most {format_number(row.bound)}× as fast"
        )
    return text


def describe(record: "Record") -> dict[str, object]:
    """Return the record with what derives from it, as JSON."""
    from bench.report.breakdown.rows import breakdown_rows
    from bench.report.common.summary import summarize

    (row,) = breakdown_rows(summarize([record]))
    shares = {section: row.share(section) for section in row.sections}
    return {
        "record": asdict(record),
        "share": {section: share for section, share in shares.items() if share is not None},
        "timer_overhead": row.timer_overhead,
        "convolution_share": row.convolution_share,
        "speedup_bound": row.bound,
    }
