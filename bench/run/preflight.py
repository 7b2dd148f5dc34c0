"""What a child finds out before a run: the machine, the pairs and the subjects. No torch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tqdm import tqdm

from bench.machine.memory import host_bytes
from bench.plan.cases import Machine, SubjectInfo, parse_resolution
from bench.plan.config import Profile
from bench.plan.image_pairs import ImagePair
from bench.worker.process import WORKER, Budget, Message, run_child
from pcakd.errors import ConfigError

_SECONDS = 600.0


@dataclass(slots=True)
class Scene:
    """What a run takes place in.

    Attributes:
        environment: `bench.machine.environment.describe_environment` of the machine.
        pairs: The content-style pairs, at the size at which they are scored.
        subjects: The subjects, multiply-adds counted.
    """

    environment: dict[str, Any] = field(default_factory=dict)
    pairs: list[ImagePair] = field(default_factory=list)
    subjects: list[SubjectInfo] = field(default_factory=list)

    @property
    def machine(self) -> Machine:
        """The part of the environment that cases are told apart by."""
        keys = ("device", "device_name", "threads")
        return Machine(**{key: self.environment[key] for key in keys})

    def take(self, message: Message) -> None:
        """Add what a message of the child says."""
        content = {key: value for key, value in message.items() if key != "type"}
        if message["type"] == "environment":
            self.environment = content
        elif message["type"] == "pair":
            self.pairs.append(ImagePair.from_message(content))
        else:
            transforms = tuple(content.pop("transforms"))
            self.subjects.append(SubjectInfo(transforms=transforms, **content))


def describe_scene(
    profile: Profile,
    pairs: Sequence[ImagePair],
    *,
    device: str | None = None,
    command: Sequence[str] = WORKER,
) -> Scene:
    """Ask a child about the machine, the pairs and the subjects; bad input comes to light here.

    Args:
        profile: What to run.
        pairs: Files of the quality pairs; may be none.
        device: Name of a device, or None for the accelerator if there is one.
        command: How to start a child.

    Raises:
        ConfigError: A name, a file or the device cannot be used, or a subject cannot be counted.
    """
    scene = Scene()
    job = {
        "job": "describe",
        "device": device,
        "subjects": list(profile.subjects),
        "resolutions": [asdict(parse_resolution(name)) for name in profile.resolutions],
        "pairs": [pair.to_message() for pair in pairs],
        "max_side": profile.quality_max_side,
    }
    total = 1 + len(pairs) + len(profile.subjects)
    # a file or a pipe gets no bar, in which the one line of a bad name would stick
    with tqdm(total=total, desc="count multiply-adds", leave=False, disable=None) as bar:

        def take(message: Message) -> None:
            scene.take(message)
            bar.update()

        budget = Budget(seconds=_SECONDS, memory_bytes=host_bytes())
        outcome = run_child(job, budget=budget, on_message=take, command=command)
    if outcome.status != "ok":
        raise ConfigError(f"the run cannot be prepared: {outcome.status}, {outcome.reason}")
    return scene


def refuse_namesakes(scene: Scene) -> None:
    """Check that no two subjects would share their records.

    Raises:
        ConfigError: Two subjects have one name and a transform in common.
    """
    keys = [(s.name, transform) for s in scene.subjects for transform in s.transforms]
    for name, transform in keys:
        if keys.count((name, transform)) > 1:
            raise ConfigError(f"two subjects are called {name!r} ({transform}); rename or drop one")
