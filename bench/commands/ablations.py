"""``bench ablations``: distil with one lever moved at a time, score, and write the page."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pcakd.errors import ConfigError

if TYPE_CHECKING:
    from bench.ablations.records import LeverRecord
    from bench.ablations.scoring import Scorer
    from bench.ablations.training import Training

PLAN_NAME = "ablations.toml"
PAGE_NAME = "README.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "example: python -m bench ablations --data photos/ --pairs pairs/ --out reports/levers; "
        "the same command goes on with what was stopped"
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="LEVER",
        help="levers of the plan (default: all); their bases are trained too, except "
        "with --train-only. What --out has a record of, by the same options and recipe on the same "
        "images, is not trained again",
    )
    parser.add_argument(
        "--plan",
        type=Path,
        default=Path(PLAN_NAME),
        metavar="FILE",
        help=f"the levers and their options (default: {PLAN_NAME})",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="photographs to train on; without them only the page is written, from the records",
    )
    parser.add_argument(
        "--pairs",
        type=Path,
        metavar="DIR",
        help="NN_content.* and NN_style.* images to score over, other than --data; needed with it",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder of the records and the page; not with --train-only",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("runs/levers"),
        metavar="DIR",
        help="folder of the trainings (default: runs/levers)",
    )
    parser.add_argument(
        "--train-only",
        action="store_true",
        help="only distil what is named, without its base and without scores. The command with "
        "--pairs and --out in its place then scores what lies in --work, also on another machine "
        "and another --device: photographs, options and commit have to be the same to the byte",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")


def run(args: argparse.Namespace) -> int:
    """Train and score what has no record yet, and write the page.

    Raises:
        PcakdError: An option, a file or a folder that cannot be used.
    """
    from bench.ablations.records import load_records
    from bench.ablations.table import write_page
    from pcakd.utils.files import write_text

    if args.data is None and (args.names or args.pairs is not None or args.train_only):
        raise ConfigError("levers are trained on photographs; give --data DIR")
    if args.train_only:
        if args.pairs is not None or args.out is not None:
            raise ConfigError("--train-only records nothing; drop --pairs and --out")
        return _train_only(args)
    if args.out is None:
        raise ConfigError("records need a folder; give --out DIR")
    if args.data is not None:
        _record_all(args)
    records = load_records(args.out)
    if not records:
        raise ConfigError(f"{args.out} holds no record; give --data and --pairs to make some")
    write_text(args.out / PAGE_NAME, write_page(records))
    sys.stdout.write(f"{args.out / PAGE_NAME}\n")
    return 0


def _train_only(args: argparse.Namespace) -> int:
    """Distil what is named."""
    from bench.ablations.training import train
    from pcakd.utils.files import make_folder

    trainings = _plan(args)
    make_folder(args.work)
    for name in args.names or trainings:
        _tell(trainings[name])
        outcome = train(trainings[name])
        sys.stdout.write(f"{outcome.student or f'{name}: {outcome.failure}'}\n")
    return 0


def _record_all(args: argparse.Namespace) -> None:
    """Distil and score what has no record yet."""
    from bench.ablations.records import load_records, save_record
    from bench.ablations.scoring import Scorer
    from bench.ablations.training import require_unseen
    from bench.quality.pairs import find_pairs
    from pcakd.utils.files import make_folder

    if args.pairs is None:
        raise ConfigError("levers are scored over pairs; give --pairs DIR")
    trainings = _plan(args)
    known, pairs = load_records(args.out), find_pairs(args.pairs)
    require_unseen(pairs, args.data)
    scorer = Scorer(pairs, next(iter(trainings.values())).request.device)
    for folder in (args.out, args.work):
        make_folder(folder)
    for name, training in trainings.items():
        record, lever = known.get(name), training.lever
        base = trainings[lever.base or name]
        images = training.photos, scorer.pairs_hash
        if record is None or not record.is_of(lever.options, training.recipe, *images):
            _tell(training)
            save_record(args.out, _record(training, base, scorer))
            continue
        asked = replace(record, about=lever.about, base=lever.base, base_recipe=base.recipe)
        if asked != record:  # the same training, told or compared in another way
            save_record(args.out, asked)


def _plan(args: argparse.Namespace) -> dict[str, "Training"]:
    """Return the trainings of the levers that are named and of their bases."""
    from bench.ablations.plan import choose, read_plan
    from bench.ablations.training import plan_training
    from pcakd.utils.devices import resolve_device
    from pcakd.utils.git import hash_edits, name_commit

    levers, device = choose(read_plan(args.plan), args.names), resolve_device(args.device)
    commit = name_commit()
    edits = hash_edits() if commit and commit.endswith("-dirty") else None
    return {
        lever.name: plan_training(
            lever,
            data=args.data,
            work=args.work,
            device=device,
            commit=commit,
            edits=edits,
        )
        for lever in levers
    }


def _tell(training: "Training") -> None:
    from bench.ablations.training import find_outcome

    done = " (trained already)" if find_outcome(training) else ""
    sys.stderr.write(f"lever {training.lever.name}: {training.lever.about}{done}\n")


def _record(training: "Training", base: "Training", scorer: "Scorer") -> "LeverRecord":
    """Distil as a lever says, and score the student."""
    from bench.ablations.records import LeverRecord
    from bench.ablations.training import train
    from pcakd.students import load_student

    lever, outcome = training.lever, train(training)
    student = outcome.student
    return LeverRecord(
        name=lever.name,
        base=lever.base,
        about=lever.about,
        options=[*lever.options],
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
