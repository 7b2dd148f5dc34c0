"""Scores over pairs: of subjects that stylize them, and of finished images."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from bench.plan.image_pairs import ImagePair
from bench.quality.evaluate import Metrics, Scores, require_comparable
from bench.quality.protocol import describe_size
from bench.quality.rows import Row
from bench.quality.sizes import cut_to_multiple, fit_result, fit_within
from bench.subjects import Subject, row_name
from pcakd.errors import ConfigError, ImageError, PcakdError
from pcakd.images import load_image
from pcakd.utils.precision import full_precision


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
    pairs: Sequence[ImagePair],
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredFile:
    """What became of one finished image.

    Attributes:
        pair: The name of its pair.
        scores: Its scores, or None if it could not be read.
        reason: Why there are none.
        made_smaller: Whether it had its content's native size and was made smaller with it.
    """

    pair: str
    scores: Scores | None
    reason: str | None = None
    made_smaller: bool = False


def score_files(
    results: Mapping[str, Path],
    pairs: Sequence[ImagePair],
    metrics: Metrics,
    *,
    max_side: int = 0,
    progress: bool = True,
) -> Iterator[ScoredFile]:
    """Score finished images against the pairs that they are named after, one by one.

    Args:
        results: Image files by pair name.
        pairs: The pairs; those without a result are passed over.
        metrics: The loaded metrics.
        max_side: Pairs are made smaller to this many pixels; an image of its content's native size
            is made smaller in the same way (`bench.quality.sizes.fit_result`). 0 is native size.
        progress: Whether to show a progress bar.

    Yields:
        One `ScoredFile` an image; one that is no readable image has a reason in place of scores.

    Raises:
        PcakdError: An image of a pair cannot be read or is too small, or a result has another size
            than its content; the message names the pair.
    """
    scored = [pair for pair in pairs if pair.name in results]
    for pair in tqdm(scored, unit="image", disable=not progress):
        with _named(f"pair {pair.name}"):
            native = _load(pair.content)
            content, style = fit_within(native, max_side), fit_within(_load(pair.style), max_side)
            try:
                output = _load(results[pair.name])
            except ImageError as error:
                path = results[pair.name]
                reason = str(error).replace(str(path), path.name)  # folders are nobody's business
                yield ScoredFile(pair=pair.name, scores=None, reason=reason)
                continue
            fitted = fit_result(output, native, max_side)
            scores = metrics.score(fitted, content, metrics.describe_style(style))
        smaller = fitted.shape != output.shape
        yield ScoredFile(pair=pair.name, scores=scores, made_smaller=smaller)


def score_results(
    name: str,
    results: Mapping[str, Path],
    pairs: Sequence[ImagePair],
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
    for scored in score_files(results, pairs, metrics, progress=progress):
        if scored.scores is None:
            raise ImageError(f"pair {scored.pair}: {scored.reason}")
        rows.append(row_of(name, scored.pair, scored.scores, metrics))
    return rows


def row_of(name: str, pair: str, scores: Scores, metrics: Metrics) -> Row:
    """Return the scores of a subject on a pair as a row."""
    return Row(subject=name, pair=pair, size=_row_size(metrics), **asdict(scores))


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
