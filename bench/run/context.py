"""What the measurements of one run share. No torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tqdm import tqdm

from bench.machine.memory import host_bytes
from bench.plan.cases import PlannedCase, SubjectInfo
from bench.plan.config import BenchmarkProfile
from bench.plan.image_pairs import ImagePair
from bench.plan.settings import CaseSettings
from bench.records.identity import Machine
from bench.records.provenance import EDITS
from bench.records.schema import Kind, Record
from bench.run.recorder import Recorder, known_records
from bench.worker.process import WORKER, Budget, Message, Outcome, ask_child
from pcakd.utils.git import hash_edits

START_SECONDS = 10.0
"""What the start of a child process takes: interpreter, torch, images."""

Bar: TypeAlias = "tqdm[Any]"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDescription:
    """What a child process reports of a run before anything is measured.

    Attributes:
        environment: `bench.machine.environment.describe_environment` of the machine.
        subjects: The subjects, with their multiply-adds.
        pairs: The image pairs, at the size at which they are scored.
    """

    environment: Mapping[str, Any]
    subjects: Sequence[SubjectInfo] = ()
    pairs: Sequence[ImagePair] = ()

    @property
    def machine(self) -> Machine:
        """The part of the environment that identifies a case."""
        return Machine(*(self.environment[key] for key in Machine._fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What the measurements of one run share.

    Attributes:
        recorder: Writes the records.
        device: Name of the device, as child processes get it.
        memory_bytes: Memory of the device.
        command: How to start a child process.
        examples: Folder for small images of the outputs, or None for none.
        scratch: Temporary folder in which child processes keep what later ones use again.
    """

    recorder: Recorder
    device: str
    memory_bytes: int
    command: Sequence[str] = WORKER
    examples: Path | None = None
    scratch: Path | None = None

    def allowed_bytes(self, settings: CaseSettings) -> int:
        """Return the memory of the device that one case may take."""
        return int(settings.memory_fraction * self.memory_bytes)

    def budget(
        self, settings: CaseSettings, *, seconds: float, added_bytes: int | None = None
    ) -> Budget:
        """Return what the child process of a case may take."""
        memory_bytes = int(settings.memory_fraction * host_bytes())
        return Budget(seconds=seconds, memory_bytes=memory_bytes, added_bytes=added_bytes)

    def measure(
        self,
        job: Mapping[str, Any],
        planned: PlannedCase,
        *,
        added_bytes: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[list[Message], Outcome]:
        """Run the job of a case in a child process; return its messages and how it ended.

        Args:
            job: The job; subject, device, size, transform and memory limit of the case are added,
                where it has no such key.
            planned: The case.
            added_bytes: What the process may add to the memory that it holds before the case.
            environment: Environment variables that the process gets in addition.
        """
        case, settings = planned.case, planned.settings
        shared = {
            "subject": planned.subject.source,
            "device": self.device,
            "width": case.width,
            "height": case.height,
            "transform": case.transform,
            "memory_fraction": settings.memory_fraction,
        }
        budget = self.budget(settings, seconds=planned.seconds, added_bytes=added_bytes)
        return ask_child(
            shared | dict(job), budget=budget, command=self.command, environment=environment
        )


def open_context(
    folder: Path,
    description: RunDescription,
    *,
    device: str | None,
    commit: tuple[str | None, bool | None],
    resume: bool = False,
    command: Sequence[str] = WORKER,
) -> RunContext:
    """Return the context of measurements that are recorded in a folder.

    Args:
        folder: The run folder.
        description: Of `bench.run.preflight.describe_run`.
        device: Name of a device, or None for that of the description.
        commit: Commit of the code and whether the code differed from it.
        resume: Whether cases with a record in the folder are not measured again.
        command: How to start a child process.
    """
    recorder = Recorder(
        folder=folder,
        environment=complete_environment(description.environment, commit),
        commit=commit[0],
        dirty=commit[1],
        known=known_records(folder) if resume else {},
    )
    return RunContext(
        recorder=recorder,
        device=device or description.machine.device,
        memory_bytes=description.environment["memory_bytes"],
        command=command,
    )


def complete_environment(
    environment: Mapping[str, Any], commit: tuple[str | None, bool | None]
) -> dict[str, Any]:
    """Add the hash of uncommitted changes, if the code has some, to an environment."""
    return {**environment, **({EDITS: hash_edits()} if commit[1] else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One kind of measurement; each module of `bench.run` that measures something defines one.

    Attributes:
        name: Its name on the command line (``--only``).
        kind: The kind of its cases in records.
        plan: Lists the cases of a benchmark profile.
        run: Measures cases, writes their records and returns them. It shows the current case in a
            progress bar and advances the bar by one for each case.
        needs_pairs: Whether it measures on image pairs.
    """

    name: str
    kind: Kind
    plan: Callable[[BenchmarkProfile, RunDescription], list[PlannedCase]]
    run: Callable[[RunContext, Sequence[PlannedCase], Bar], list[Record]]
    needs_pairs: bool = False
