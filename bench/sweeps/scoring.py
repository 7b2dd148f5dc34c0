"""Metric values of a trial's student over image pairs."""

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
    """Computes the metrics of students over image pairs, with ``zca`` at strength 1.

    Args:
        pairs: The image pairs, used at their own size. All are read at once, so that a damaged
            image is found before any training.
        device: Device to compute on.
    """

    def __init__(self, pairs: Sequence[ImagePair], device: torch.device) -> None:
        self._pairs = pairs
        self._device = device
        self.pairs_hash = hash_pairs(pairs)
        self._metrics = Metrics(device=device)

    @property
    def protocol(self) -> Mapping[str, str]:
        """The exact definition of each metric, by its name."""
        return self._metrics.protocol

    def score(self, student: Path) -> dict[str, dict[str, float]]:
        """Return the values by metric and image pair.

        Raises:
            PcakdError: A stylized image is not finite.
        """
        subjects = parse_subjects([str(student)], transforms=["zca"])
        rows = evaluate_subjects(subjects, self._pairs, self._metrics, device=self._device)
        values = {
            str(metric.name): {
                row.pair: float(value)
                for row in rows
                if (value := getattr(row, metric.name)) is not None
            }
            for metric in METRICS
        }
        return {name: by_pair for name, by_pair in values.items() if by_pair}


def hash_pairs(pairs: Sequence[ImagePair]) -> str:
    """Return the digest of image pairs that records have; reads them all.

    Raises:
        PcakdError: An image cannot be read.
    """
    hashes = [describe_pair(pair, max_side=0).hash or "" for pair in pairs]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()
