"""Scores over pairs: of subjects that stylize them, and of finished images."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from bench.quality.evaluate import Metrics, require_comparable
from bench.quality.pairs import Pair
from bench.quality.protocol import describe_size
from bench.quality.rows import Row
from bench.quality.sizes import cut_to_multiple
from bench.subjects import Subject, row_name
from pcakd.errors import ConfigError, PcakdError
from pcakd.images import load_image
from pcakd.precision import full_precision


def require_quality(subjects: Sequence[Subject]) -> None:
    """Check that every subject makes pictures that mean something.

    Raises:
        ConfigError: One has seeded weights.
    """
    for subject in subjects:
        if not subject.has_quality:
            raise ConfigError(
                f"subject {subject.name!r} has seeded weights and so no quality; leave it out"
            )


def score_subjects(
    subjects: Sequence[Subject],
    pairs: Sequence[Pair],
    metrics: Metrics,
    *,
    device: torch.device,
    multiple_of: int = 1,
    progress: bool = True,
) -> list[Row]:
    """Stylize every pair by every subject and transform and score the floats.

    Args:
        subjects: What stylizes.
        pairs: The pairs.
        metrics: The loaded metrics.
        device: Where the subjects compute.
        multiple_of: Both images are first resized by `cut_to_multiple`; scores are taken against
            the resized ones. 1 is native size.
        progress: Whether to show a progress bar.

    Raises:
        PcakdError: An image cannot be read or is too small, or an output is not finite; the
            message names the pair.
    """
    runs = [
        (row_name(subject.name, transform), subject.prepare(device, transform=transform))
        for subject in subjects
        for transform in subject.transforms
    ]
    rows = []
    with tqdm(total=len(runs) * len(pairs), unit="image", disable=not progress) as bar:
        for pair in pairs:
            with _named(f"pair {pair.name}"), full_precision():
                content, style = (
                    cut_to_multiple(_load(path), multiple_of).to(device)
                    for path in (pair.content, pair.style)
                )
                require_comparable(content, content)
                grams = metrics.describe_style(style)
                for name, stylize in runs:
                    bar.set_postfix_str(f"{pair.name} {name}")
                    with _named(f"subject {name}"):
                        scores = metrics.score(stylize(content, style), content, grams)
                    rows.append(
                        Row(subject=name, pair=pair.name, size=_row_size(metrics), **asdict(scores))
                    )
                    bar.update()
    order = [name for name, _ in runs]
    return sorted(rows, key=lambda row: order.index(row.subject))


def score_results(
    name: str,
    results: Mapping[str, Path],
    pairs: Sequence[Pair],
    metrics: Metrics,
    *,
    progress: bool = True,
) -> list[Row]:
    """Score finished images against the pairs that they are named after.

    Args:
        name: The subject's name.
        results: Image files by pair name.
        pairs: The pairs; those without a result are passed over.
        metrics: The loaded metrics.
        progress: Whether to show a progress bar.

    Raises:
        PcakdError: An image cannot be read, is too small or has another size than its content; the
            message names the pair.
    """
    rows = []
    scored = [pair for pair in pairs if pair.name in results]
    for pair in tqdm(scored, unit="image", disable=not progress):
        with _named(f"pair {pair.name}"):
            output, content = _load(results[pair.name]), _load(pair.content)
            require_comparable(output, content)
            grams = metrics.describe_style(_load(pair.style))
            scores = metrics.score(output, content, grams)
        rows.append(Row(subject=name, pair=pair.name, size=_row_size(metrics), **asdict(scores)))
    return rows


def _row_size(metrics: Metrics) -> str | None:
    """Return what rows say of the size: nothing, if it is the native one."""
    return None if metrics.size == describe_size() else metrics.size


def _load(path: Path) -> Float[Tensor, "1 3 h w"]:
    return load_image(path)[None]


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Put what an error is about before its text."""
    try:
        yield
    except PcakdError as error:
        raise type(error)(f"{what}: {error}") from error
