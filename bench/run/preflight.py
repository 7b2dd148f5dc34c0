"""What a child process reports before a run: the machine, image pairs and subjects. No torch."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tqdm import tqdm

from bench.machine.memory import host_bytes
from bench.plan.cases import SubjectInfo
from bench.plan.factories import announce_imports
from bench.plan.image_pairs import ImagePair
from bench.run.context import RunDescription
from bench.worker.process import WORKER, Budget, Message, run_child
from pcakd.errors import ConfigError
from pcakd.utils.resolutions import parse_resolution

_SECONDS = 600.0


def describe_run(
    subjects: Sequence[str],
    *,
    resolutions: Sequence[str] = (),
    pairs: Sequence[ImagePair] = (),
    max_side: int = 0,
    device: str | None = None,
    command: Sequence[str] = WORKER,
) -> RunDescription:
    """Ask a child process about the machine, the image pairs and the subjects.

    Args:
        subjects: Names for `bench.subjects.parse_subject`.
        resolutions: Names of the resolutions at which multiply-adds are counted.
        pairs: Image pairs to score; may be none.
        max_side: Image pairs are reduced to this many pixels a side; 0 keeps their size.
        device: Name of a device, or None for the fastest one.
        command: How to start a child process.

    Raises:
        ConfigError: A name, a file or the device cannot be used, or a subject cannot be counted.
    """
    announce_imports(subjects)
    job = {
        "job": "describe",
        "device": device,
        "subjects": list(subjects),
        "resolutions": [asdict(parse_resolution(name)) for name in resolutions],
        "pairs": [pair.to_message() for pair in pairs],
        "max_side": max_side,
    }
    messages: list[Message] = []
    total = 1 + len(pairs) + len(subjects)
    # no bar in a file or a pipe: an error message would begin in the middle of its line
    with tqdm(total=total, desc="count multiply-adds", leave=False, disable=None) as bar:

        def take(message: Message) -> None:
            messages.append(message)
            bar.update()

        budget = Budget(seconds=_SECONDS, memory_bytes=host_bytes())
        outcome = run_child(job, budget=budget, on_message=take, command=command)
    if outcome.status != "ok":
        raise ConfigError(f"the run cannot be prepared: {outcome.status}, {outcome.reason}")
    return _read_messages(messages)


def refuse_same_names(subjects: Sequence[SubjectInfo]) -> None:
    """Check that no two subjects would write the same cases.

    Raises:
        ConfigError: Two subjects have the same name and a transform in common.
    """
    keys = [(each.name, transform) for each in subjects for transform in each.transforms]
    for name, transform in keys:
        if keys.count((name, transform)) > 1:
            raise ConfigError(f"two subjects are called {name!r} ({transform}); rename or drop one")


def _read_messages(messages: Sequence[Message]) -> RunDescription:
    contents: dict[str, list[dict[str, Any]]] = {"environment": [], "subject": [], "image_pair": []}
    for message in messages:
        contents[message["type"]].append({k: v for k, v in message.items() if k != "type"})
    (environment,) = contents["environment"]
    return RunDescription(
        environment=environment,
        subjects=[
            SubjectInfo(**{**each, "transforms": tuple(each["transforms"])})
            for each in contents["subject"]
        ],
        pairs=[ImagePair.from_message(each) for each in contents["image_pair"]],
    )
