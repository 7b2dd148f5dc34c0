"""One run: costs, paired speeds, stages, capacities, scores; a record each. No torch.

Every case computes in a child process, so that running out of time or memory, or crashing, is a
result and not the end of the run.
"""

import re
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from bench.plan.cases import (
    Machine,
    Resolution,
    SubjectInfo,
    parse_resolution,
    plan_capacity,
    plan_cost,
    plan_curve,
    plan_quality,
    plan_stages,
    require_cost,
)
from bench.plan.config import Profile
from bench.records.loss_histories import copy_histories, plain_name
from bench.records.schema import Kind, Record, hash_case
from bench.records.store import EXAMPLES_FOLDER, set_records_aside
from bench.run.breakdown import StagesRunner
from bench.run.cost import CostRunner
from bench.run.image_pairs import open_folder, require_same_pairs
from bench.run.largest_image import LARGEST, CapacityRunner
from bench.run.preflight import PairFiles, Scene, describe_scene, refuse_namesakes
from bench.run.quality import QualityRunner
from bench.run.recorder import Recorder, known_records
from bench.run.speed_ratio import PairRunner, plan_pairs
from bench.worker.process import WORKER
from pcakd.errors import ConfigError
from pcakd.utils.files import make_folder

KINDS: tuple[Kind, ...] = ("cost", "pair", "stages", "capacity", "quality", "curve")
"""The kinds of cases in the order in which a run takes them."""

_SCORED: tuple[Kind, ...] = ("quality", "curve")
_COUNTED = "HD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run.

    Attributes:
        profile: The resolved profile.
        pairs: The content-style pairs.
        kinds: The kinds of cases to run.
        device: Name of a device, or None for the accelerator if there is one.
        out: Run folder, or None for `default_folder`.
        resume: Add to the records of the folder and keep what it holds of the same cases;
            otherwise `bench.records.store.set_records_aside` makes room for a new file.
        examples: Whether to write small pictures of every output.
        commit: Commit of the code and whether the code differed from it.
        command: How to start a child.
    """

    profile: Profile
    pairs: Sequence[PairFiles] = ()
    kinds: Collection[Kind] = KINDS
    device: str | None = None
    out: Path | None = None
    resume: bool = False
    examples: bool = False
    commit: tuple[str | None, bool | None] = (None, None)
    command: Sequence[str] = WORKER


def run_benchmark(request: Request) -> Path:
    """Run all cases of a request and return the folder that holds their records.

    Raises:
        PcakdError: The input is bad, asks for no case at all, or the folder cannot be written.
            Failures of single cases are records.
    """
    is_new = request.out is not None and not request.out.exists()
    if request.out:
        make_folder(request.out)
    try:
        scene = describe_scene(
            request.profile,
            request.pairs if _is_scored(request) else (),
            device=request.device,
            command=request.command,
        )
        refuse_namesakes(scene)
        _require_cases(request, scene)
    except BaseException:
        if request.out and is_new:
            with suppress(OSError):  # what is not empty stays
                request.out.rmdir()
        raise
    folder = request.out or default_folder(request.profile.name, scene.machine)
    make_folder(folder)
    if not request.resume:
        set_records_aside(folder)
    elif _is_scored(request):
        require_same_pairs(open_folder(folder), scene.pairs, complete=False)
    recorder = _open_recorder(request, scene, folder)
    copy_histories(
        folder,
        {plain_name(s.name, s.precision): s.history for s in scene.subjects if s.history},
    )
    if "cost" in request.kinds:
        _run_cost(request, scene, recorder)
    if "pair" in request.kinds:
        _run_pairs(request, scene, recorder)
    if "stages" in request.kinds:
        _run_stages(request, scene, recorder)
    if "capacity" in request.kinds and request.profile.capacity_gib:
        _run_capacity(request, scene, recorder, parse_resolution(LARGEST))
    with tempfile.TemporaryDirectory(prefix="bench-") as styles:
        for kind in _SCORED:
            if kind in request.kinds:
                _run_scores(request, scene, recorder, Path(styles), kind)
    return folder


def run_capacity(request: Request, *, largest: Resolution) -> list[Record]:
    """Find the largest image of each subject within the profile's ``capacity_gib``, and no more.

    The records are added to those of the folder, whatever it holds of the same cases.

    Args:
        request: What to run; ``out`` is given.
        largest: The largest size to try.

    Raises:
        PcakdError: The input is bad or the folder cannot be written.
    """
    folder = request.out or Path()
    make_folder(folder)
    counted = replace(request.profile, resolutions=(_COUNTED,))  # counts are no part of this
    scene = describe_scene(counted, (), device=request.device, command=request.command)
    for subject in scene.subjects:
        require_cost(subject)
    return _run_capacity(request, scene, _open_recorder(request, scene, folder), largest)


def default_folder(profile: str, machine: Machine) -> Path:
    """Return where a run is written by default.

    >>> machine = Machine(device="cuda", device_name="NVIDIA H200", threads=2)
    >>> default_folder("quick", machine).as_posix(), default_folder("full", machine).as_posix()
    ('reports/quick-nvidia-h200', 'reports/nvidia-h200')
    """
    slug = re.sub(r"[^a-z0-9]+", "-", machine.device_name.lower()).strip("-")
    device = slug if machine.device == "cuda" else machine.device
    return Path("reports") / (device if profile == "full" else f"{profile}-{device}")


def _open_recorder(request: Request, scene: Scene, folder: Path) -> Recorder:
    commit, dirty = request.commit
    return Recorder(
        folder=folder,
        profile=request.profile,
        environment=scene.environment,
        commit=commit,
        dirty=dirty,
        known=known_records(folder) if request.resume else {},
    )


def _require_cases(request: Request, scene: Scene) -> None:
    """Refuse a request that plans nothing, before records of the folder are set aside."""
    profile, machine, subjects = request.profile, scene.machine, scene.subjects
    planned: dict[Kind, bool] = {
        "cost": any(plan_cost(profile, each, machine) for each in subjects),
        "pair": bool(plan_pairs(profile, subjects, machine)),
        "stages": any(plan_stages(profile, each, machine) for each in subjects),
        "capacity": bool(profile.capacity_gib) and bool(_costly(scene)),
        "quality": any(plan_quality(profile, each, machine, scene.pairs) for each in subjects),
        "curve": any(plan_curve(profile, each, machine, scene.pairs) for each in subjects),
    }
    if not any(planned[kind] for kind in request.kinds):
        if not _costly(scene):
            require_cost(subjects[0])
        raise ConfigError(
            f"profile {profile.name!r} has no case of {' or '.join(request.kinds)} for "
            f"{', '.join(dict.fromkeys(each.name for each in subjects))}; choose another profile, "
            "other subjects or other kinds"
        )


def _is_scored(request: Request) -> bool:
    """Tell whether a request has kinds of cases that need pairs."""
    return any(kind in request.kinds for kind in _SCORED)


def _costly(scene: Scene) -> list[SubjectInfo]:
    return [subject for subject in scene.subjects if subject.cost_subject is None]


def _run_cost(request: Request, scene: Scene, recorder: Recorder) -> None:
    machine = scene.machine
    runner = CostRunner(
        recorder=recorder,
        device=request.device or machine.device,
        memory_bytes=scene.environment["memory_bytes"],
        command=request.command,
    )
    plan = [
        (subject, case, settings)
        for subject in scene.subjects
        for case, settings in plan_cost(request.profile, subject, machine)
    ]
    with tqdm(total=len(plan), desc="cost", unit="case", disable=not plan) as bar:
        for subject, case, settings in plan:
            bar.set_description(f"cost of {case.subject} at {case.resolution}")
            runner.run(subject, case, settings)
            bar.update()


def _run_pairs(request: Request, scene: Scene, recorder: Recorder) -> None:
    runner = PairRunner(
        recorder=recorder,
        device=request.device or scene.machine.device,
        command=request.command,
    )
    plans = plan_pairs(request.profile, scene.subjects, scene.machine)
    with tqdm(total=len(plans), desc="paired speed", unit="pair", disable=not plans) as bar:
        for plan in plans:
            bar.set_description(f"{plan.case.subject} against {plan.case.other}")
            runner.run(plan)
            bar.update()


def _run_capacity(
    request: Request, scene: Scene, recorder: Recorder, largest: Resolution
) -> list[Record]:
    machine = scene.machine
    runner = CapacityRunner(
        recorder=recorder,
        device=request.device or machine.device,
        memory_bytes=scene.environment["memory_bytes"],
        command=request.command,
    )
    memory = int(request.profile.capacity_gib * 2**30)
    records = []
    with tqdm(_costly(scene), desc="capacity", unit="subject") as bar:
        for subject in bar:
            case = plan_capacity(subject, machine, memory_bytes=memory, largest=largest)
            settings = request.profile.settings(subject.name, machine.device)

            def show(size: str, name: str = subject.name) -> None:
                bar.set_description(f"capacity of {name}: {size}")

            records.append(runner.run(subject, case, seconds=settings.case_seconds, on_probe=show))
    return records


def _run_stages(request: Request, scene: Scene, recorder: Recorder) -> None:
    plan = [
        (subject, case, settings)
        for subject in scene.subjects
        for case, settings in plan_stages(request.profile, subject, scene.machine)
    ]
    if not plan:
        return
    runner = StagesRunner(
        recorder=recorder,
        device=request.device or scene.machine.device,
        memory_bytes=scene.environment["memory_bytes"],
        command=request.command,
    )
    costs = {record.case_hash: record for record in open_folder(recorder.folder)}
    with tqdm(total=len(plan), desc="stages", unit="case") as bar:
        for subject, case, settings in plan:
            bar.set_description(f"stages of {case.subject} at {case.resolution}")
            cost = costs.get(hash_case(replace(case, kind="cost")))
            runner.run(subject, case, settings, cost=cost)
            bar.update()


def _run_scores(
    request: Request, scene: Scene, recorder: Recorder, styles: Path, kind: Kind
) -> None:
    """Run the cases of a kind that scores pairs; pictures are kept of quality only."""
    is_curve = kind == "curve"
    plan_cases = plan_curve if is_curve else plan_quality
    keeps = request.examples and not is_curve
    runner = QualityRunner(
        recorder=recorder,
        device=request.device or scene.machine.device,
        pairs=scene.pairs,
        examples=recorder.folder / EXAMPLES_FOLDER if keeps else None,
        styles=styles,
        command=request.command,
    )
    plan = [
        (subject, plan_cases(request.profile, subject, scene.machine, scene.pairs))
        for subject in scene.subjects
    ]
    total = sum(len(cases) for _, cases in plan)
    with tqdm(total=total, desc=kind, unit="image", disable=not total) as bar:
        for subject, cases in plan:
            if not cases:
                continue
            bar.set_description(f"{kind} of {subject.name}")
            runner.run(subject, cases, advance=bar.update)
