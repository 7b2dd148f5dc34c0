"""Scores of a lever's student over the pairs of a run."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from bench.plan.image_pairs import ImagePair
from bench.quality.evaluation import evaluate_subjects
from bench.quality.metrics import Metrics
from bench.quality.pairs import describe_pair
from bench.quality.protocol import METRICS
from bench.subjects import parse_subjects


class Scorer:
    """Scores students over pairs at their own size, with ``zca`` at strength 1.

    Args:
        pairs: The pairs; each is read at once, so that a bad one is told before any training.
        device: Where to compute.
    """

    def __init__(self, pairs: Sequence[ImagePair], device: torch.device) -> None:
        self._pairs = pairs
        self._device = device
        hashes = [describe_pair(pair, max_side=0).hash or "" for pair in pairs]
        self.pairs_hash = hashlib.sha256("".join(hashes).encode()).hexdigest()
        self._metrics = Metrics(device=device)

    @property
    def protocol(self) -> Mapping[str, str]:
        """What each score measures exactly, by its name."""
        return self._metrics.protocol

    def score(self, student: Path) -> dict[str, dict[str, float]]:
        """Return the scores by metric and pair.

        Raises:
            PcakdError: An output is not finite.
        """
        subjects = parse_subjects([str(student)], transforms=["zca"])
        rows = evaluate_subjects(subjects, self._pairs, self._metrics, device=self._device)
        return {
            str(metric.name): {row.pair: float(getattr(row, metric.name)) for row in rows}
            for metric in METRICS
        }
