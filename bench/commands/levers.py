"""``bench levers``: distil with one lever moved at a time, score, and write the page."""

import argparse
import subprocess
import sys
from codecs import getincrementaldecoder
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pcakd.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    import torch

    from bench.levers.plan import Lever
    from bench.levers.records import LeverRecord
    from bench.quality.pairs import Pair

PLAN_NAME = "levers.toml"
PAGE_NAME = "README.md"
_CHUNK = 4096
_FAILED = 2  # by a training that gave up; other statuses are of a kill or a fault


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "example: python -m bench levers --data photos/train --pairs pairs/ --out reports/levers"
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="LEVER",
        help="of the plan; their bases are trained too (all). A lever that has a record of the "
        "same options in --out is not trained again",
    )
    parser.add_argument(
        "--plan", type=Path, default=Path(PLAN_NAME), metavar="FILE", help=f"({PLAN_NAME})"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="photographs; without, only the page is written",
    )
    parser.add_argument("--pairs", type=Path, metavar="DIR", help="NN_content.* and NN_style.*")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the records and the page"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("runs/levers"),
        metavar="DIR",
        help="folder of the trainings, which go on where they were stopped (runs/levers)",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (cpu)")


def run(args: argparse.Namespace) -> int:
    """Train and score what has no record yet, and write the page.

    Raises:
        PcakdError: An option, a file or a folder that cannot be used.
    """
    from bench.levers.records import load_records
    from bench.levers.table import write_page
    from pcakd.files import make_folder, write_text

    if args.data is not None:
        _train_all(args)
    records = load_records(args.out)
    if not records:
        raise ConfigError(f"{args.out} holds no record; give --data and --pairs to make some")
    make_folder(args.out)
    write_text(args.out / PAGE_NAME, write_page(records))
    sys.stdout.write(f"{args.out / PAGE_NAME}\n")
    return 0


def _train_all(args: argparse.Namespace) -> None:
    from bench.devices import parse_device
    from bench.levers.plan import choose, read_plan
    from bench.levers.records import load_records, save_record
    from bench.quality.pairs import find_pairs
    from pcakd.files import make_folder

    if args.pairs is None:
        raise ConfigError("levers are scored over pairs; give --pairs DIR")
    levers = choose(read_plan(args.plan), args.names)
    pairs, device = find_pairs(args.pairs), parse_device(args.device)
    for folder in (args.out, args.work):
        make_folder(folder)
    known = load_records(args.out)
    for lever in levers:
        if lever.name in known and known[lever.name].options == [*lever.options]:
            continue
        sys.stderr.write(f"lever {lever.name}: {lever.about}\n")
        save_record(args.out, _train(lever, args, pairs, device))


def _train(
    lever: "Lever", args: argparse.Namespace, pairs: list["Pair"], device: "torch.device"
) -> "LeverRecord":
    """Distil as a lever says, and score the student."""
    from bench.environment import describe_environment, git_state
    from bench.levers.records import LeverRecord
    from pcakd.distill.checkpoint import CHECKPOINT
    from pcakd.students import load_student

    output = args.work / lever.name
    student = output / f"{lever.name}.safetensors"
    command = [sys.executable, "-m", "pcakd", "distill", *lever.options, "--data", str(args.data)]
    command += ["-o", str(output), "--name", lever.name, "--device", args.device]
    command += ["--resume"] if (output / CHECKPOINT).is_file() else []
    failure = _run(command)
    commit, edited = git_state()
    record = LeverRecord(
        name=lever.name,
        base=lever.base,
        about=lever.about,
        options=[*lever.options],
        commit=f"{commit}-dirty" if edited else commit,
        environment=describe_environment(device),
        failure=failure,
    )
    if failure is not None:
        return record
    scores, protocol = _score(student, pairs, device)
    return replace(record, card=load_student(student).card, protocol=protocol, scores=scores)


def _score(
    student: Path, pairs: list["Pair"], device: "torch.device"
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    from bench.quality.evaluate import Metrics
    from bench.quality.protocol import METRICS
    from bench.quality.scoring import score_subjects
    from bench.subjects import parse_subjects

    metrics = Metrics(device=device)
    subjects = parse_subjects([str(student)], transforms=["zca"])
    rows = score_subjects(subjects, pairs, metrics, device=device)
    scores = {str(m.name): {row.pair: float(getattr(row, m.name)) for row in rows} for m in METRICS}
    return scores, dict(metrics.protocol)


def _run(command: list[str]) -> str | None:
    """Run a training, its words and progress bar shown; return its last word if it fails."""
    said = ""
    decoder = getincrementaldecoder("utf-8")(errors="replace")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    ) as process:
        assert process.stdout is not None  # noqa: S101 (a pipe)
        try:
            while chunk := process.stdout.read(_CHUNK):
                text = decoder.decode(chunk)
                sys.stderr.write(text)
                sys.stderr.flush()
                said = (said + text)[-_CHUNK:]
        except BaseException:
            process.kill()
            raise
    if process.returncode == 0:
        return None
    if process.returncode != _FAILED:
        raise TrainingError(f"a training ended with status {process.returncode}; see above")
    lines = said.replace("\r", "\n").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
