"""``bench sweep``: distil many students, evaluate each, and write a page that compares them."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.options import add_device_argument, split_names
from pcakd.commands.parser import path_argument
from pcakd.errors import ConfigError, OutputError, PcakdError
from pcakd.utils.deprecation import warn_renamed
from pcakd.utils.extras import require_extra
from pcakd.utils.resolutions import parse_resolution

if TYPE_CHECKING:
    from bench.sweeps.training import Training

PLAN_NAME = "ablations.toml"
_FORMER_NAME, _NAME = "levers", "ablations"  # in names of files and folders before 0.2
_AUTO = "auto"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "example: python -m bench sweep --plan sweep.toml --data photos/ --pairs pairs/ "
        "--out reports/sweep --jobs 2; after an interruption, the same command continues"
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="trials of the plan (default: all). Their bases are trained too, except with "
        "--train-only. A trial with a record of the same options, recipe and images in --out "
        "is not trained again",
    )
    parser.add_argument(
        "--plan",
        type=path_argument,
        default=Path(PLAN_NAME),
        metavar="FILE",
        help=f"TOML file of the trials and their options (default: {PLAN_NAME})",
    )
    parser.add_argument(
        "--data",
        type=path_argument,
        metavar="DIR",
        help="folder of photographs to train on; without it, only the page is written again from "
        "the records",
    )
    parser.add_argument(
        "--pairs",
        type=path_argument,
        metavar="DIR",
        help="folder of image pairs NN_content.* and NN_style.* for the metrics, none of them in "
        "--data; required with --data",
    )
    parser.add_argument(
        "--out",
        type=path_argument,
        metavar="DIR",
        help="folder for the records, the students and the page; not with --train-only",
    )
    parser.add_argument(
        "--work",
        type=path_argument,
        default=Path("runs/sweep"),
        metavar="DIR",
        help="folder for the trainings (default: runs/sweep)",
    )
    parser.add_argument(
        "--resolutions",
        default="HD",
        metavar="A,B",
        help="where each student's latency and memory are measured: HD, FHD, QHD, 4K, 5K, 8K or "
        "640x480 (default: HD)",
    )
    parser.add_argument(
        "--no-costs", action="store_true", help="measure no parameters, latency and memory"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the trials, what is left of each and the core-minutes that it will take, from "
        "a few steps of the smallest and the largest student of each backbone; train nothing",
    )
    parser.add_argument(
        "--train-only",
        action="store_true",
        help="only train the named trials, without their bases and without metric values. "
        "Later the same command with --pairs and --out instead evaluates the trainings in "
        "--work, also on another machine or --device. Photographs, options and commit must be "
        "the same",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="train N at once on each machine, each in a process of its own with its share of the "
        "threads; their output goes into NAME.log in --work. A process that is lost is started "
        "again and continues (default: 1)",
    )
    parser.add_argument(
        "--ray",
        nargs="?",
        const=_AUTO,
        metavar="ADDRESS",
        help="train on the machines of a Ray cluster, which have the same commit and see --plan, "
        "--data and --work at the same paths; without an address on a running one, or on this "
        "machine. A training whose machine is lost continues on another",
    )
    parser.add_argument(
        "--early-stopping",
        action="store_true",
        help="stop a training after a quarter or half of its last phase if its loss is above the "
        "median of students of the same recipe that need no more multiply-adds (asynchronous "
        "successive halving by Ray Tune; extra ray). Without it, later, they are trained on",
    )
    parser.add_argument(
        "--replay-early-stopping",
        action="store_true",
        help="note in the records of finished trainings where they would have stopped; the page "
        "shows what that saves and costs",
    )
    add_device_argument(parser, "cpu")


def run(args: argparse.Namespace) -> int:
    """Train and evaluate trials without a record, and write the page.

    Raises:
        PcakdError: An option, a file or a folder cannot be used.
    """
    from bench.sweeps.page import PAGE_NAME, write_report
    from bench.sweeps.records import load_records
    from pcakd.utils.locks import lock_folder

    _check_early_stopping(args)
    args.plan = _find_renamed(args.plan)
    if args.jobs < 1:
        raise ConfigError(f"--jobs must be at least 1, got {args.jobs}")
    evaluated = args.pairs is not None or args.train_only or args.dry_run
    if args.data is None and (args.names or evaluated):
        raise ConfigError("students are trained on photographs; give --data DIR")
    if args.dry_run:
        return _dry_run(args)
    if args.train_only:
        if args.pairs is not None or args.out is not None:
            raise ConfigError("--train-only records nothing; drop --pairs and --out")
        return _train_only(args)
    if args.out is None:
        raise ConfigError("records need a folder; give --out DIR")
    args.out = _find_renamed(args.out)
    with lock_folder(args.out):
        if (args.out / PAGE_NAME).exists() and not load_records(args.out):
            raise OutputError(
                f"{args.out} holds no record of a trial, and a page would replace its "
                f"{PAGE_NAME}; name another folder"
            )
        failure = None
        if args.data is not None:
            try:
                _record_all(args)
            except PcakdError as error:  # the page shows what there is
                failure = error
        if args.replay_early_stopping and failure is None:
            from bench.sweeps.run import replay_records

            try:
                replay_records(args.out)
            except PcakdError as error:
                failure = error
        if failure is None and not load_records(args.out):
            raise ConfigError(f"{args.out} holds no record; give --data and --pairs to make some")
        if load_records(args.out):
            sys.stdout.write(f"{write_report(args.out)}\n")
        if failure is not None:
            raise failure
    return 0


def _check_early_stopping(args: argparse.Namespace) -> None:
    """Check the options of early stopping, and that its library is there.

    Raises:
        ConfigError: An option would have no effect.
        MissingExtraError: Ray Tune is not installed.
    """
    if args.replay_early_stopping and (args.dry_run or args.train_only):
        raise ConfigError("--replay-early-stopping writes into records; drop the other option")
    if args.early_stopping and args.data is None:
        raise ConfigError("--early-stopping is for trainings; give --data DIR")
    if args.early_stopping or args.replay_early_stopping:
        require_extra("ray", "ray.tune.schedulers", "early stopping")


def _find_renamed(path: Path) -> Path:
    """Return today's path of a file or folder that was renamed, with a warning.

    A path that exists is returned as it is. ``levers.toml`` and ``reports/levers`` stand for
    ``ablations.toml`` and ``reports/ablations``, and the other way round.
    """
    if path.exists():
        return path
    for one, other in ((_FORMER_NAME, _NAME), (_NAME, _FORMER_NAME)):
        renamed = path.with_name(path.name.replace(one, other))
        if renamed != path and renamed.exists():
            pair = (path, renamed) if one == _FORMER_NAME else (renamed, path)
            warn_renamed(*map(str, pair))
            return renamed
    return path


def _train_only(args: argparse.Namespace) -> int:
    """Train the named trials."""
    from bench.sweeps import training
    from bench.sweeps.run import announce
    from pcakd.utils.files import make_folder

    trainings = _plan(args)
    make_folder(args.work)
    _train_at_once(args, {name: trainings[name] for name in args.names or trainings})
    for name in args.names or trainings:
        announce(trainings[name])
        outcome = training.train(trainings[name])
        sys.stdout.write(f"{outcome.student or f'{name}: {outcome.failure}'}\n")
    return 0


def _dry_run(args: argparse.Namespace) -> int:
    """Print what is left of each trial, and the core-minutes that it will take."""
    from tabulate import tabulate

    from bench.quality.pairs import find_pairs
    from bench.sweeps.prediction import (
        count_macs,
        find_ranks,
        predict_minutes,
        time_trainings,
    )
    from bench.sweeps.records import load_records
    from bench.sweeps.scoring import hash_pairs
    from bench.sweeps.training import describe_state
    from pcakd.utils.devices import resolve_device

    trainings = _plan(args)
    if args.train_only:
        trainings = {name: trainings[name] for name in args.names or trainings}
    records = load_records(args.out) if args.out is not None else {}
    pairs = None if args.pairs is None else hash_pairs(find_pairs(args.pairs))
    states = {
        name: describe_state(each, records.get(name), pairs) for name, each in trainings.items()
    }
    waiting = {name: each for name, each in trainings.items() if any(states[name].steps_left)}
    timed = time_trainings(waiting.values())
    cells, total = [], 0.0
    for name, each in trainings.items():
        macs = count_macs(each)
        left = predict_minutes(each, states[name].steps_left, timed, macs) if name in waiting else 0
        total += left or 0
        ranks = find_ranks(each.config)
        cells.append(
            [
                name,
                ",".join(map(str, ranks)) if ranks else "from photographs",
                "" if macs is None else f"{macs:,.0f}",
                states[name].text,
                "" if left is None else f"{left:,.1f}",
            ]
        )
    cells.append(["all", "", "", "", f"{total:,.1f}"])
    on_cpu = resolve_device(args.device).type == "cpu"
    minutes = "core-minutes left" if on_cpu else "device-minutes left"
    columns = ["trial", "ranks", "MACs/px", "state", minutes]
    aligned = ["left", "left", "right", "left", "right"]
    print(tabulate(cells, columns, colalign=aligned, disable_numparse=True))
    return 0


def _record_all(args: argparse.Namespace) -> None:
    """Train, score and profile trials without a record."""
    from bench.quality.pairs import find_pairs
    from bench.quality.unseen import read_folder, require_unseen
    from bench.sweeps.run import Sweep, run_sweep

    if args.pairs is None:
        raise ConfigError("students are evaluated on image pairs; give --pairs DIR")
    resolutions = () if args.no_costs else split_names("--resolutions", args.resolutions)
    for resolution in resolutions:
        parse_resolution(resolution)
    trainings = _plan(args)
    pairs = find_pairs(args.pairs)
    require_unseen(pairs, read_folder(args.data))
    sweep = Sweep(
        trainings=trainings, pairs=pairs, resolutions=resolutions, out=args.out, work=args.work
    )
    run_sweep(sweep, lambda waiting: _train_at_once(args, waiting))


def _train_at_once(args: argparse.Namespace, trainings: Mapping[str, "Training"]) -> None:
    """Train those that are not finished in processes, if ``--jobs`` or ``--ray`` ask for it."""
    import torch

    from bench.sweeps.processes import run_processes
    from bench.sweeps.ray_tasks import run_ray_tasks
    from bench.sweeps.training import find_outcome
    from pcakd.utils.devices import resolve_device

    waiting = [name for name, each in trainings.items() if find_outcome(each) is None]
    if not waiting or (args.ray is None and (args.jobs == 1 or len(waiting) < 2)):
        return
    paths = {"--plan": args.plan, "--data": args.data, "--work": args.work}
    shared = ["sweep", "--train-only", "--device", args.device]
    shared += ["--early-stopping"] if args.early_stopping else []
    for option, path in paths.items():
        shared += [option, str(path.resolve())]
    arguments = {name: [*shared, name] for name in waiting}
    if args.ray is not None:
        run_ray_tasks(
            arguments,
            address=args.ray,
            threads=max(1, torch.get_num_threads() // args.jobs),
            gpus=1 / args.jobs if resolve_device(args.device).type == "cuda" else 0,
            logs=args.work.resolve(),
        )
        if elsewhere := [name for name in waiting if find_outcome(trainings[name]) is None]:
            raise ConfigError(
                f"Ray has trained {elsewhere[0]}, but not in {args.work}: its machines must have "
                "the commit and the photographs of this one, and see --work"
            )
        return
    command = [sys.executable, "-m", "bench"]
    run_processes(
        {name: [*command, *given] for name, given in arguments.items()},
        jobs=min(args.jobs, len(waiting)),
        threads=torch.get_num_threads(),
        logs=args.work,
    )


def _plan(args: argparse.Namespace) -> dict[str, "Training"]:
    """Return the trainings of the named trials and of their bases."""
    from bench.analysis.trainings import find_trainings
    from bench.machine.threads import bound_threads
    from bench.sweeps.plan import choose, read_plan, rename_trials
    from bench.sweeps.training import plan_training
    from pcakd.utils.devices import resolve_device
    from pcakd.utils.git import hash_edits, name_commit

    bound_threads()
    plan, device = read_plan(args.plan), resolve_device(args.device)
    args.names = rename_trials(plan, args.names)
    commit = name_commit()
    edits = hash_edits() if commit and commit.endswith("-dirty") else None
    repeated = find_trainings(plan)
    bases = {each.base for each in plan.values() if each.name not in repeated}
    return {
        trial.name: plan_training(
            trial,
            data=args.data,
            work=args.work,
            device=device,
            commit=commit,
            edits=edits,
            compared=trial.name not in repeated,
            stopping=args.early_stopping,
            is_base=trial.name in bases,
        )
        for trial in choose(plan, args.names)
    }
