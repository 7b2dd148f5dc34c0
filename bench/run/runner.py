"""One run of the benchmark: every case becomes a record. No torch.

Each case computes in a child process. Running out of time or memory, or crashing, is a result of
the case and does not end the run.
"""

import re
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from bench.plan.cases import require_cost
from bench.plan.config import BenchmarkProfile
from bench.plan.image_pairs import ImagePair
from bench.records.identity import Machine, is_external
from bench.records.loss_histories import copy_histories, plain_name
from bench.records.provenance import describe_provenance, require_same_provenance
from bench.records.schema import Record
from bench.records.store import (
    EXAMPLES_FOLDER,
    read_latest_records,
    records_path,
    require_run_folder,
    set_records_aside,
)
from bench.run.context import (
    Measurement,
    RunDescription,
    complete_environment,
    open_context,
)
from bench.run.kinds import MEASUREMENTS, NAMES
from bench.run.preflight import describe_run, refuse_same_names
from bench.run.same_pairs import require_same_pairs
from bench.worker.process import WORKER
from pcakd.errors import ConfigError
from pcakd.utils.locks import lock_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run.

    Attributes:
        profile: The benchmark profile.
        pairs: The image pairs.
        only: Names of the measurements to take (`bench.run.kinds.NAMES`).
        device: Name of a device, or None for the fastest one.
        out: Run folder, or None for `default_folder`.
        resume: Add to the records of the folder and keep its records of the same cases; otherwise
            `bench.records.store.set_records_aside` renames them and a new file begins.
        mixed: Whether a resumed folder may hold records of another commit, torch or machine.
        examples: Whether to write small images of every output.
        commit: Commit of the code and whether the code differed from it.
        command: How to start a child process.
    """

    profile: BenchmarkProfile
    pairs: Sequence[ImagePair] = ()
    only: Collection[str] = NAMES
    device: str | None = None
    out: Path | None = None
    resume: bool = False
    mixed: bool = False
    examples: bool = False
    commit: tuple[str | None, bool | None] = (None, None)
    command: Sequence[str] = WORKER

    @property
    def measurements(self) -> list[Measurement]:
        """The measurements to take, in their order."""
        return [each for each in MEASUREMENTS if each.name in self.only]


def run_benchmark(
    request: Request, *, finish: Callable[[Path], object] = lambda folder: None
) -> Path:
    """Run all cases of a request and return the folder with their records.

    Args:
        request: What to run.
        finish: Is called with the folder at the end, while it is still locked.

    Raises:
        PcakdError: The input is bad, has no case, or the folder cannot be written or is another
            run's. A failure of a single case is a record.
    """
    with lock_folder(request.out) if request.out else nullcontext():
        if request.out:
            require_run_folder(request.out)
        description = _prepare(request)
        folder = request.out or default_folder(request.profile.name, description.machine)
        require_run_folder(folder)
        with lock_folder(folder):
            _measure(request, folder, description)
            finish(folder)
    return folder


def _measure(request: Request, folder: Path, description: RunDescription) -> None:
    _open_folder(request, folder, description)
    context = open_context(
        folder,
        description,
        device=request.device,
        commit=request.commit,
        resume=request.resume,
        command=request.command,
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        examples = folder / EXAMPLES_FOLDER if request.examples else None
        context = replace(context, examples=examples, scratch=Path(scratch))
        for measurement in request.measurements:
            cases = measurement.plan(request.profile, description)
            with tqdm(
                total=len(cases), desc=measurement.name, unit="case", disable=not cases
            ) as bar:
                measurement.run(context, cases, bar)


def default_folder(profile: str, machine: Machine) -> Path:
    """Return where a run is written by default.

    >>> machine = Machine(device="cuda", device_name="NVIDIA H200", threads=2)
    >>> default_folder("quick", machine).as_posix(), default_folder("full", machine).as_posix()
    ('reports/quick-nvidia-h200', 'reports/nvidia-h200')
    """
    slug = re.sub(r"[^a-z0-9]+", "-", machine.device_name.lower()).strip("-")
    device = slug if machine.device == "cuda" else machine.device
    return Path("reports") / (device if profile == "full" else f"{profile}-{device}")


def _prepare(request: Request) -> RunDescription:
    """Check everything that can be checked before the run folder changes."""
    profile = request.profile
    description = describe_run(
        profile.subjects,
        resolutions=profile.resolutions,
        pairs=request.pairs if _needs_pairs(request) else (),
        max_side=profile.quality_max_side,
        device=request.device,
        command=request.command,
    )
    refuse_same_names(description.subjects)
    _require_cases(request, description)
    return description


def _open_folder(request: Request, folder: Path, description: RunDescription) -> None:
    if not request.resume:
        set_records_aside(folder)
    else:
        _require_same(request, read_latest_records(folder), description)
    histories = {
        plain_name(s.name, s.precision): s.history for s in description.subjects if s.history
    }
    records_path(folder).touch()  # from here on the folder is known as a run's
    copy_histories(folder, histories)


def _require_same(request: Request, known: Sequence[Record], description: RunDescription) -> None:
    """Refuse to add to records of other image pairs, another commit, torch or machine."""
    if not request.mixed:
        environment = complete_environment(description.environment, request.commit)
        current = describe_provenance(*request.commit, environment)
        require_same_provenance((each for each in known if not is_external(each)), current)
    if _needs_pairs(request):
        require_same_pairs(known, description.pairs, complete=False)


def _require_cases(request: Request, description: RunDescription) -> None:
    """Refuse a request without cases, before records of the folder are set aside."""
    if any(each.plan(request.profile, description) for each in request.measurements):
        return
    subjects = description.subjects
    if all(subject.cost_subject is not None for subject in subjects):
        require_cost(subjects[0])
    raise ConfigError(
        f"profile {request.profile.name!r} has no case of "
        f"{' or '.join(each.name for each in request.measurements)} for "
        f"{', '.join(dict.fromkeys(each.name for each in subjects))}; choose another profile, "
        "other subjects or other kinds"
    )


def _needs_pairs(request: Request) -> bool:
    return any(each.needs_pairs for each in request.measurements)
