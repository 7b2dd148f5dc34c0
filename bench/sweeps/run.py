"""The run of a sweep: every trial is trained, scored and profiled, and becomes a record."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.analysis.trainings import find_trainings
from bench.plan.image_pairs import ImagePair
from bench.records.provenance import HUGE_PAGES
from bench.sweeps import costs, early_stopping, scoring, training
from bench.sweeps.architectures import write_seeded
from bench.sweeps.records import STOPPED, WOULD_STOP, TrialRecord, load_records, save_record
from bench.sweeps.training import Training, find_outcome
from pcakd.errors import ConfigError, OutputError, PcakdError
from pcakd.students import load_student
from pcakd.utils.files import make_folder, write_atomically

STUDENTS = "students"
"""The folder of the students beside the records."""

SEEDED = "seeded"
"""The folder, among the trainings, of students that stand for those that were not kept."""

_OF_MACHINE = ("device", "device_name", "threads", "torch", HUGE_PAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What a sweep records.

    Attributes:
        trainings: The training of each trial by its name, bases included.
        pairs: The image pairs of the metrics.
        resolutions: Resolutions of the costs; none profiles nothing.
        out: Folder of the records.
        work: Folder of the folders of trainings.
    """

    trainings: Mapping[str, Training]
    pairs: Sequence[ImagePair]
    resolutions: Sequence[str]
    out: Path
    work: Path


def run_sweep(sweep: Sweep, train_at_once: Callable[[Mapping[str, Training]], None]) -> None:
    """Train, score and profile the trials without a record.

    Costs are measured last, when no training takes a part of the machine. Those of another machine
    or another torch are measured again, so that all compare.

    A training that fails leaves the others alone; the first failure is raised at the end.

    Args:
        sweep: The sweep.
        train_at_once: Trains those of several trainings that are not finished, in processes; it
            may leave them to this one.

    Raises:
        PcakdError: An input cannot be used, or a folder cannot be written.
    """
    device = next(iter(sweep.trainings.values())).config.resolve_device()
    known, scorer = load_records(sweep.out), scoring.Scorer(sweep.pairs, device)
    make_folder(sweep.work)

    def is_recorded(name: str, each: Training) -> bool:
        return each.is_recorded_by(known.get(name), scorer.pairs_hash)

    failures: list[PcakdError] = []
    try:
        train_at_once({n: t for n, t in sweep.trainings.items() if not is_recorded(n, t)})
    except ConfigError as error:
        failures.append(error)
    lost = bool(failures)
    for name, each in sweep.trainings.items():
        record, base = known.get(name), sweep.trainings[each.trial.base or name]
        if record is None or not is_recorded(name, each):
            if lost and find_outcome(each) is None:
                continue
            announce(each)
            try:
                save_record(sweep.out, _record(sweep, each, base, scorer))
            except OutputError:
                raise
            except PcakdError as error:
                sys.stderr.write(f"trial {name}: {error}\n")
                failures.append(error)
            continue
        updated = replace(
            record,
            about=each.trial.about,
            base=each.trial.base,
            base_recipe=base.recipe,
            options=[*each.trial.arguments],
        )
        if updated != record:  # the same training with another description or base
            save_record(sweep.out, updated)
    _profile(sweep)
    if failures:
        raise failures[0]


def replay_records(out: Path) -> None:
    """Note in the records of finished trainings where early stopping would have stopped them.

    They are taken in the order in which they finished.

    Raises:
        ConfigError: No record has losses to compare.
        MissingExtraError: Ray Tune is not installed.
    """
    known = load_records(out)
    finished = {
        name: record for name, record in known.items() if record.rungs.get("losses") and record.card
    }
    if not finished:
        raise ConfigError(
            f"no record in {out} has the losses that early stopping compares; train again at "
            "today's commit"
        )
    names = sorted(finished, key=lambda name: finished[name].card["finished"])
    repeated = find_trainings(known)
    bases = {each.base for each in known.values() if each.base and each.name not in repeated}
    trainings = [_read_rungs(finished[name]) for name in names]
    for name, step in early_stopping.replay(trainings, bases=bases).items():
        record = finished[name]
        save_record(out, replace(record, rungs={**record.rungs, WOULD_STOP: step}))


def _read_rungs(record: TrialRecord) -> early_stopping.Rungs:
    """Read how a training did at its rungs.

    Raises:
        ConfigError: The record is damaged.
    """
    kept = {k: v for k, v in record.rungs.items() if k not in (STOPPED, WOULD_STOP)}
    try:
        return early_stopping.Rungs.from_json({**kept, "name": record.name})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"the record of {record.name} has damaged losses of rungs; train it again"
        ) from error


def announce(each: Training) -> None:
    """Say on standard error which trial comes now."""
    done = " (trained already)" if find_outcome(each) else ""
    sys.stderr.write(f"trial {each.trial.name}: {each.trial.about}{done}\n")


def student_path(out: Path, name: str) -> Path:
    """Return the path of a trial's student."""
    return out / STUDENTS / f"{name}.safetensors"


def _record(sweep: Sweep, each: Training, base: Training, scorer: "scoring.Scorer") -> TrialRecord:
    """Train the student of a trial, keep it beside the records, and score it."""
    trial, outcome = each.trial, training.train(each)
    student = outcome.student
    kept = student_path(sweep.out, trial.name)
    if student is None:
        kept.unlink(missing_ok=True)
    else:
        make_folder(kept.parent)
        with write_atomically(kept) as stream:
            stream.write(student.read_bytes())
    return TrialRecord(
        name=trial.name,
        base=trial.base,
        about=trial.about,
        options=[*trial.arguments],
        recipe=each.recipe,
        base_recipe=base.recipe,
        photos=each.photos,
        pairs=scorer.pairs_hash,
        commit=outcome.commit,
        environment=outcome.environment,
        failure=outcome.failure,
        card=load_student(student).card if student else {},
        protocol=dict(scorer.protocol),
        scores=scorer.score(student) if student else {},
        rungs=outcome.rungs,
    )


def _profile(sweep: Sweep) -> None:
    """Measure what the students of the plan cost, where their records do not say it."""
    if not sweep.resolutions:
        return
    device = next(iter(sweep.trainings.values())).config.resolve_device()
    environment = costs.describe_machine(device)
    records = {
        name: record
        for name, record in load_records(sweep.out).items()
        if name in sweep.trainings and record.scores
    }
    missing = {
        name: record
        for name, record in records.items()
        if not (
            {*sweep.resolutions} <= record.costs.keys()
            and _same_machine(record.cost_environment, environment)
        )
    }
    if not missing:
        return
    found = costs.measure_costs(
        {name: _student_file(sweep, name, record) for name, record in missing.items()},
        sweep.resolutions,
        device=device,
        work=sweep.work,
    )
    for name, record in missing.items():
        same = _same_machine(record.cost_environment, environment)
        measured = (record.costs if same else {}) | found[name]
        save_record(sweep.out, replace(record, costs=measured, cost_environment=environment))


def _student_file(sweep: Sweep, name: str, record: TrialRecord) -> Path:
    """Return the file of a student, or of one of its architecture where it was not kept.

    Weights do not change what a student costs.
    """
    kept = student_path(sweep.out, name)
    if kept.is_file():
        return kept
    seeded = student_path(sweep.work / SEEDED, name)
    make_folder(seeded.parent)
    write_seeded(sweep.trainings[name].config, record.card["ranks"], seeded)
    return seeded


def _same_machine(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    return all((one.get(name) or None) == (other.get(name) or None) for name in _OF_MACHINE)
