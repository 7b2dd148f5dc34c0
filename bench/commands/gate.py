"""``bench gate``: base and head measured in turn; fails if head is slower, larger or worse."""

import argparse
import math
import os
import shutil
import sys
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.options import add_config_argument, add_device_argument, split_names
from bench.commands.output import STANDARD_OUTPUT, add_json_argument
from bench.plan.config import find_config
from pcakd.commands.parser import path_argument, text_argument
from pcakd.errors import ConfigError

if TYPE_CHECKING:
    from bench.gate.cases import GateResult
    from bench.gate.config import GateConfig
    from bench.plan.image_pairs import ImagePair

_FILE = ".safetensors"

EXAMPLES = (
    "bench gate --against main",
    "bench gate --against ../other-checkout --only latency,memory",
    "bench gate --against reports/cpu --junit gate.xml",
    "bench gate --self-test --neighbours 1 --out reports/gate",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(
        (
            "exit status: 0 passed, 1 regression, 2 bad input, 3 inconclusive, 4 nothing measured",
            f"example: python -m {EXAMPLES[0]}",
            *(f"         python -m {each}" for each in EXAMPLES[1:]),
        )
    )
    parser.add_argument(
        "--against",
        type=text_argument,
        metavar="BASE",
        help="a git revision, a folder of code, or a run folder whose records are compared with",
    )
    parser.add_argument(
        "--against-python",
        type=path_argument,
        metavar="PYTHON",
        help="interpreter of an environment in which base is installed; base is not built",
    )
    parser.add_argument(
        "--only",
        metavar="A,B",
        help="only these kinds (counts, quality, memory, latency, speedup, import, size) and "
        "subjects",
    )
    parser.add_argument(
        "--budget", type=float, metavar="S", help="seconds, instead of budget_seconds of [gate]"
    )
    parser.add_argument(
        "--inconclusive",
        choices=("pass", "fail"),
        default="fail",
        help="what an inconclusive gate does; `fail` is exit status 3 (default: fail)",
    )
    parser.add_argument(
        "--install",
        action="append",
        metavar="ARG",
        help="what pip installs in the folder of a side (default: .); can be repeated",
    )
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="measure this environment against itself, without a change and with planted "
        "slow-downs of 5, 10 and 30 %%, and print how many gates fail",
    )
    parser.add_argument(
        "--gates", type=int, default=40, metavar="N",
        help="gates of a self-test without a change (default: 40)",
    )  # fmt: skip
    parser.add_argument(
        "--planted", type=int, default=20, metavar="N",
        help="gates of a self-test with each slow-down (default: 20)",
    )  # fmt: skip
    parser.add_argument(
        "--neighbours", type=int, default=0, metavar="N",
        help="processes that keep a core busy each during a self-test (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=path_argument, metavar="DIR",
        help="folder for the gates of a self-test; the same command continues it",
    )  # fmt: skip
    parser.add_argument(
        "--markdown",
        type=path_argument,
        metavar="FILE",
        help="file for a Markdown table; it also goes to $GITHUB_STEP_SUMMARY where that is set",
    )
    parser.add_argument(
        "--junit", type=path_argument, metavar="FILE", help="file for JUnit XML, a test case a row"
    )
    add_json_argument(parser, "all results with every sample")
    add_device_argument(parser, default="cpu")
    add_config_argument(parser, "file with the table [gate]")


def run(args: argparse.Namespace) -> int:
    """Measure both sides, print the verdicts, and return the exit status.

    Raises:
        PcakdError: An option, a revision, a subject or a file cannot be used.
    """
    from bench.gate.config import choose_cases, load_gate
    from bench.records.store import records_path
    from pcakd.utils.files import require_output

    for path, suffixes in (
        (args.json, (".json",)),
        (args.markdown, (".md",)),
        (args.junit, (".xml",)),
    ):
        if path is not None and path != STANDARD_OUTPUT:
            require_output(path, *suffixes)
    if (args.against is not None) + (args.against_python is not None) + args.self_test != 1:
        raise ConfigError(
            "name base: --against REVISION|DIR, --against-python PYTHON, or --self-test"
        )
    if args.budget is not None and not 0 < args.budget < math.inf:
        raise ConfigError(f"--budget must be above 0 s, got {args.budget:g}")
    config = load_gate(find_config(args.config, root=_find_root()))
    kinds, subjects = _split_only(args.only, config)
    config = choose_cases(config, kinds=kinds, subjects=subjects)
    if args.budget is not None:
        config = replace(config, budget_seconds=args.budget)
    if args.self_test:
        return _run_selftest(args, config)
    folder = Path(args.against) if args.against else None
    if folder is not None and records_path(folder).is_file():
        result = _compare_with_records(args, config, folder)
    else:
        result = _compare_sides(args, config, folder)
    status = result.exit_status(inconclusive_passes=args.inconclusive == "pass")
    _write(args, result, status)
    return status


def _split_only(
    text: str | None, config: "GateConfig"
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Split ``--only`` into kinds and subjects."""
    from bench.gate.config import KINDS
    from pcakd.utils.registry import unknown_name

    if text is None:
        return None, None
    names = split_names("--only", text)
    known = {*config.subjects, *(each for pair in config.speedups for each in pair.split())}
    for name in names:
        if name not in KINDS and name not in known:
            raise unknown_name("kind or subject of the gate", name, [*KINDS, *sorted(known)])
    kinds = tuple(name for name in names if name in KINDS)
    subjects = tuple(name for name in names if name in known)
    return kinds or None, subjects or None


def _compare_sides(
    args: argparse.Namespace, config: "GateConfig", folder: Path | None
) -> "GateResult":
    from tqdm import tqdm

    from bench.gate.cases import plan_cases
    from bench.gate.checkouts import BuildError, find_repository, find_revision
    from bench.gate.gate import run_gate
    from bench.gate.sides import fail_build, open_sides

    root = find_repository(Path.cwd())
    base: str | Path | None = None
    if args.against is not None:
        is_folder = folder is not None and folder.is_dir()
        base = folder.resolve() if is_folder and folder else find_revision(root, args.against)
    cases = plan_cases(config)
    if not cases:
        raise ConfigError("[gate] has no case; name subjects, or drop `skip`")
    timed, pairs = _find_pairs(config, root)
    python = None if args.against_python is None else _find_python(args.against_python)
    files = [each[: each.rfind(_FILE) + len(_FILE)] for each in config.subjects if _FILE in each]
    with tqdm(total=len(cases), desc="build both sides", unit="case", disable=None) as bar:
        try:
            with open_sides(
                root, base, install=args.install or ["."], python=python, files=files
            ) as (first, second, scratch):
                return run_gate(
                    config, cases, (first, second),
                    scratch=scratch, device=args.device, timed=timed, pairs=pairs, bar=bar,
                )  # fmt: skip
        except BuildError as error:
            return fail_build(cases, error, base=str(args.against))


def _compare_with_records(
    args: argparse.Namespace, config: "GateConfig", folder: Path
) -> "GateResult":
    from tqdm import tqdm

    from bench.gate.against_records import KINDS, committed_speedups
    from bench.gate.cases import plan_cases
    from bench.gate.gate import run_gate
    from bench.gate.scratch import process_environment, scratch_folder
    from bench.gate.side_client import Side
    from bench.records.identity import latest_records
    from bench.records.store import read_records

    records = latest_records(read_records(folder))
    config = replace(
        committed_speedups(records, config),
        kinds=tuple(kind for kind in config.kinds if kind in KINDS),
    )
    cases = plan_cases(config)
    if not cases:
        raise ConfigError(f"records compare {', '.join(KINDS)} alone; choose one with --only")
    timed, pairs = _find_pairs(config, _find_root() or Path.cwd())
    with (
        tqdm(total=len(cases), desc="compare", unit="case", disable=None) as bar,
        scratch_folder() as scratch,
    ):
        head = Side(
            name="head",
            title="this environment",
            python=Path(sys.executable),
            folder=Path.cwd(),
            environment={**process_environment(scratch), "PYTHONPATH": _import_path()},
        )
        return run_gate(
            config, cases, (head,),
            scratch=scratch, device=args.device, timed=timed, pairs=pairs, bar=bar, records=records,
        )  # fmt: skip


def _run_selftest(args: argparse.Namespace, config: "GateConfig") -> int:
    """Run the gates of a self-test and print their rates.

    Returns:
        0, or 1 if a gate without a change failed more often than accepted or a slow-down of 30 %
        passed.
    """
    from tqdm import tqdm

    from bench.commands.output import open_run_folder, write_json
    from bench.gate.cases import count_tests, plan_cases
    from bench.gate.rates import smallest_change, summarize_gates
    from bench.gate.render import render_selftest
    from bench.gate.selftest import plan_gates, run_selftest
    from pcakd.utils.cpu import cpu_name
    from pcakd.utils.git import name_commit

    if args.gates < 1 or args.planted < 1 or args.neighbours < 0:
        raise ConfigError("--gates and --planted must be 1 or more, --neighbours 0 or more")
    config = replace(config, kinds=("latency",))
    cases = plan_cases(config)
    gates = plan_gates(args.gates, args.planted)
    about = {"commit": name_commit(), "torch": version("torch"), "cpu": cpu_name()}
    timed, _ = _find_pairs(config, Path.cwd())
    with (
        open_run_folder(args.out) as folder,
        tqdm(total=len(gates), desc="self-test", unit="gate", disable=None) as bar,
    ):
        found = run_selftest(
            config, cases, gates,
            folder=folder, python_path=_import_path(), device=args.device, timed=timed,
            neighbours=args.neighbours, about=about, bar=bar,
        )  # fmt: skip
    rates = list(summarize_gates(found))
    changes = smallest_change(
        found,
        error=config.error / max(1, count_tests(cases)),
        budget_seconds=config.budget_seconds,
    )
    text = render_selftest(rates, changes)
    write_json(args.json, {"rates": [asdict(each) for each in rates], "smallest": changes}, text)
    unchanged, strongest = rates[0], rates[-1]
    too_many = unchanged.failed.low > config.error
    return int(too_many or strongest.failed.count < strongest.failed.num_gates)


def _find_root() -> Path | None:
    """Return the root of the repository of the current folder, or None outside one."""
    from bench.gate.checkouts import find_repository

    try:
        return find_repository(Path.cwd())
    except ConfigError:
        return None


def _find_python(given: Path) -> Path:
    """Return the absolute path of an interpreter; links of environments are kept.

    Raises:
        ConfigError: There is none.
    """
    found = shutil.which(given)
    if found is None:
        raise ConfigError(f"--against-python {given} is no program; name an interpreter")
    return Path(found).absolute()


def _find_pairs(config: "GateConfig", root: Path) -> tuple["ImagePair", list["ImagePair"]]:
    """Return the image pair of latency and those of quality."""
    from bench.quality.pairs import find_pairs, shipped_pairs_folder

    shipped = find_pairs(shipped_pairs_folder())
    return shipped[0], find_pairs(root / config.pairs) if config.pairs else shipped


def _import_path() -> str:
    """Return PYTHONPATH with the folder that this package was imported from in front."""
    import bench

    root = str(Path(bench.__file__).parent.parent)
    return os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))


def _write(args: argparse.Namespace, result: "GateResult", status: int) -> None:
    from bench.commands.output import write_json
    from bench.gate.render import to_json, to_junit, to_markdown, to_table
    from pcakd.utils.files import write_text

    markdown = to_markdown(result, status=status)
    if args.markdown is not None:
        write_text(args.markdown, markdown)
    if args.junit is not None:
        write_text(args.junit, to_junit(result, status=status))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as stream:
            stream.write(markdown)
    write_json(args.json, to_json(result, status=status), to_table(result, status=status))
