"""The quality and curve cases of a run: a child scores one subject, pair by pair. No torch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.machine.memory import host_bytes
from bench.plan.cases import SubjectInfo
from bench.plan.image_pairs import ImagePair
from bench.records.schema import Case, Obtained
from bench.run.cost import START_SECONDS
from bench.run.recorder import Recorder
from bench.worker.process import Budget, Message, Outcome, run_child
from pcakd.errors import ConfigError

_METRICS = ("gram", "ssim", "lpips")
_VARIATION = ("strength", "regularizer")
_PLACE = ("type", "pair", "transform", *_VARIATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRunner:
    """Scores subjects and records each figure as it comes.

    Attributes:
        recorder: Takes the records.
        device: Name of the device, as children are told.
        pairs: The content-style pairs.
        examples: Folder for small pictures of the outputs, or None.
        styles: Folder where children keep what they compute of style images, for those that follow.
        command: How to start a child.
    """

    recorder: Recorder
    device: str
    pairs: Sequence[ImagePair]
    examples: Path | None
    styles: Path
    command: Sequence[str]

    def run(
        self, subject: SubjectInfo, cases: Sequence[Case], *, advance: Callable[[int], Any]
    ) -> None:
        """Bring cases of one kind, quality or curve, of a subject to their records.

        A case that ends its child by want of time or memory gets that result, and a new child goes
        on behind it; any other fault ends the subject.
        """
        pending = [case for case in cases if self.recorder.find(case) is None]
        advance(len(cases) - len(pending))

        def finish(case: Case, **fields: Any) -> None:
            pending.remove(case)
            if case.kind == "curve":
                fields["own_regularizers"] = subject.regularizers
            self.recorder.write(case, cost_subject=subject.cost_subject, **fields)
            advance(1)

        def take(message: Message) -> None:
            key = tuple(message.get(name) for name in ("pair", "transform", *_VARIATION))
            case = next(case for case in pending if _key(case) == key)
            finish(case, **_fields(message))

        while pending:
            if not subject.has_quality:
                finish(pending[0], status="untrained", reason="seeded weights; nothing to score")
                continue
            outcome = self._score(subject, pending, take)
            exhausted = outcome.status in ("oom", "timeout")
            status = outcome.status if exhausted else "error"
            reason = outcome.reason or "the child gave no answer"
            for case in pending[:1] if exhausted else list(pending):
                finish(case, status=status, reason=reason)

    def _score(
        self, subject: SubjectInfo, cases: Sequence[Case], take: Callable[[Message], None]
    ) -> Outcome:
        profile = self.recorder.profile
        job = {
            "job": "quality",
            "subject": subject.source,
            "name": subject.name,
            "device": self.device,
            "pairs": list(self._jobs(cases)),
            "max_side": profile.quality_max_side,
            "examples": str(self.examples) if self.examples else None,
            "styles": str(self.styles),
        }
        budget = Budget(
            seconds=START_SECONDS + profile.settings(subject.name, cases[0].device).case_seconds,
            memory_bytes=int(profile.memory_fraction * host_bytes()),
        )
        try:
            return run_child(job, budget=budget, on_message=take, command=self.command)
        except ConfigError as error:  # missing weights of a metric are a result of each case
            return Outcome(status="error", reason=str(error))

    def _jobs(self, cases: Sequence[Case]) -> Iterator[dict[str, Any]]:
        """Return the pairs of some cases, each with what is asked of it.

        The cases of a curve are of one transform.
        """
        for pair in self.pairs:
            asked = [case for case in cases if case.pair == pair.name]
            if not asked:
                continue
            files = {"name": pair.name, "content": str(pair.content), "style": str(pair.style)}
            transforms = list(dict.fromkeys(case.transform for case in asked))
            varied = [each for each in map(_variation, asked) if each]
            yield {**files, "transforms": transforms} | ({"variations": varied} if varied else {})


def _key(case: Case) -> tuple[Any, ...]:
    return case.pair, case.transform, case.strength, case.regularizer


def _variation(case: Case) -> dict[str, float]:
    """Return what a case of a curve departs in from the subject's own way."""
    given = {name: getattr(case, name) for name in _VARIATION}
    return {name: value for name, value in given.items() if value is not None}


def _fields(message: Message) -> dict[str, Any]:
    """Return the record fields of a message with scores, or with the reason for none."""
    fields = {k: v for k, v in message.items() if k not in _PLACE}
    obtained: dict[str, Obtained] = {name: "measured" for name in _METRICS if name in fields}
    return {**fields, "obtained": obtained}
