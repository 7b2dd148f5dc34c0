"""``bench ablations``: distil with one setting changed at a time, evaluate, and write a page."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.options import add_device_argument
from pcakd.commands.parser import path_argument
from pcakd.errors import ConfigError, OutputError
from pcakd.utils.deprecation import warn_renamed

if TYPE_CHECKING:
    from bench.ablations.records import AblationRecord
    from bench.ablations.scoring import Scorer
    from bench.ablations.training import Training

PLAN_NAME = "ablations.toml"
PAGE_NAME = "README.md"
_FORMER_NAME, _NAME = "levers", "ablations"  # in names of files and folders before 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "example: python -m bench ablations --data photos/ --pairs pairs/ --out reports/ablations; "
        "after an interruption, the same command continues"
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="ablations of the plan (default: all). Their bases are trained too, except with "
        "--train-only. An ablation with a record of the same options, recipe and images in --out "
        "is not trained again",
    )
    parser.add_argument(
        "--plan",
        type=path_argument,
        default=Path(PLAN_NAME),
        metavar="FILE",
        help=f"TOML file of the ablations and their options (default: {PLAN_NAME})",
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
        help="folder for the records and the page; not with --train-only",
    )
    parser.add_argument(
        "--work",
        type=path_argument,
        default=Path("runs/ablations"),
        metavar="DIR",
        help="folder for the trainings (default: runs/ablations)",
    )
    parser.add_argument(
        "--train-only",
        action="store_true",
        help="only train the named ablations, without their bases and without metric values. "
        "Later the same command with --pairs and --out instead evaluates the trainings in "
        "--work, also on another machine or --device. Photographs, options and commit must be "
        "the same",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="train N at once, each in a process of its own with its share of the threads; their "
        "output goes into NAME.log in --work. A process that is lost is started again and "
        "continues (default: 1, in this process)",
    )
    add_device_argument(parser, "cpu")


def run(args: argparse.Namespace) -> int:
    """Train and evaluate ablations without a record, and write the page.

    Raises:
        PcakdError: An option, a file or a folder cannot be used.
    """
    from bench.ablations.records import load_records
    from bench.ablations.table import write_page
    from pcakd.utils.files import write_text
    from pcakd.utils.locks import lock_folder

    args.plan = _find_renamed(args.plan)
    if args.jobs < 1:
        raise ConfigError(f"--jobs must be at least 1, got {args.jobs}")
    if args.data is None and (args.names or args.pairs is not None or args.train_only):
        raise ConfigError("ablations are trained on photographs; give --data DIR")
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
                f"{args.out} holds no record of an ablation, and a page would replace its "
                f"{PAGE_NAME}; name another folder"
            )
        if args.data is not None:
            _record_all(args)
        records = load_records(args.out)
        if not records:
            raise ConfigError(f"{args.out} holds no record; give --data and --pairs to make some")
        write_text(args.out / PAGE_NAME, write_page(records))
    sys.stdout.write(f"{args.out / PAGE_NAME}\n")
    return 0


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
    """Train the named ablations."""
    from bench.ablations.training import train
    from pcakd.utils.files import make_folder

    trainings = _plan(args)
    make_folder(args.work)
    _train_at_once(args, {name: trainings[name] for name in args.names or trainings})
    for name in args.names or trainings:
        _announce(trainings[name])
        outcome = train(trainings[name])
        sys.stdout.write(f"{outcome.student or f'{name}: {outcome.failure}'}\n")
    return 0


def _record_all(args: argparse.Namespace) -> None:
    """Train and evaluate ablations without a record."""
    from bench.ablations.records import load_records, save_record
    from bench.ablations.scoring import Scorer
    from bench.quality.pairs import find_pairs
    from bench.quality.unseen import read_folder, require_unseen
    from pcakd.utils.files import make_folder

    if args.pairs is None:
        raise ConfigError("ablations are evaluated on image pairs; give --pairs DIR")
    trainings = _plan(args)
    known, pairs = load_records(args.out), find_pairs(args.pairs)
    require_unseen(pairs, read_folder(args.data))
    scorer = Scorer(pairs, next(iter(trainings.values())).config.resolve_device())
    make_folder(args.work)

    def is_recorded(name: str, training: "Training") -> bool:
        record, images = known.get(name), (training.photos, scorer.pairs_hash)
        return record is not None and record.is_of(
            training.ablation.arguments, training.recipe, *images
        )

    _train_at_once(args, {n: t for n, t in trainings.items() if not is_recorded(n, t)})
    for name, training in trainings.items():
        record, ablation = known.get(name), training.ablation
        base = trainings[ablation.base or name]
        if record is None or not is_recorded(name, training):
            _announce(training)
            save_record(args.out, _record(training, base, scorer))
            continue
        updated = replace(
            record,
            about=ablation.about,
            base=ablation.base,
            base_recipe=base.recipe,
            options=[*ablation.arguments],
        )
        if updated != record:  # the same training with another description or base
            save_record(args.out, updated)


def _train_at_once(args: argparse.Namespace, trainings: Mapping[str, "Training"]) -> None:
    """Train those that are not finished in processes, if ``--jobs`` asks for several."""
    import torch

    from bench.ablations.processes import run_processes
    from bench.ablations.training import find_outcome

    waiting = [name for name, training in trainings.items() if find_outcome(training) is None]
    if args.jobs == 1 or len(waiting) < 2:
        return
    shared = ["--plan", str(args.plan), "--data", str(args.data), "--work", str(args.work)]
    command = [sys.executable, "-m", "bench", "ablations", "--train-only", *shared]
    run_processes(
        {name: [*command, "--device", args.device, name] for name in waiting},
        jobs=min(args.jobs, len(waiting)),
        threads=torch.get_num_threads(),
        logs=args.work,
    )


def _plan(args: argparse.Namespace) -> dict[str, "Training"]:
    """Return the trainings of the named ablations and of their bases."""
    from bench.ablations.plan import choose, read_plan, rename_ablations
    from bench.ablations.training import plan_training
    from bench.machine.threads import bound_threads
    from pcakd.utils.devices import resolve_device
    from pcakd.utils.git import hash_edits, name_commit

    bound_threads()
    plan, device = read_plan(args.plan), resolve_device(args.device)
    args.names = rename_ablations(plan, args.names)
    commit = name_commit()
    edits = hash_edits() if commit and commit.endswith("-dirty") else None
    return {
        ablation.name: plan_training(
            ablation,
            data=args.data,
            work=args.work,
            device=device,
            commit=commit,
            edits=edits,
        )
        for ablation in choose(plan, args.names)
    }


def _announce(training: "Training") -> None:
    from bench.ablations.training import find_outcome

    done = " (trained already)" if find_outcome(training) else ""
    sys.stderr.write(f"ablation {training.ablation.name}: {training.ablation.about}{done}\n")


def _record(training: "Training", base: "Training", scorer: "Scorer") -> "AblationRecord":
    """Train an ablation and evaluate the student."""
    from bench.ablations.records import AblationRecord
    from bench.ablations.training import train
    from pcakd.students import load_student

    ablation, outcome = training.ablation, train(training)
    student = outcome.student
    return AblationRecord(
        name=ablation.name,
        base=ablation.base,
        about=ablation.about,
        options=[*ablation.arguments],
        recipe=training.recipe,
        base_recipe=base.recipe,
        photos=training.photos,
        pairs=scorer.pairs_hash,
        commit=outcome.commit,
        environment=outcome.environment,
        failure=outcome.failure,
        card=load_student(student).card if student else {},
        protocol=dict(scorer.protocol),
        scores=scorer.score(student) if student else {},
    )
