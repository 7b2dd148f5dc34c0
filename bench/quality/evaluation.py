"""Metric values over image pairs: of subjects that stylize them, and of finished images."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from bench.plan.image_pairs import ImagePair
from bench.quality.metrics import Metrics, require_comparable
from bench.quality.protocol import describe_size
from bench.quality.rows import Row
from bench.quality.sizes import cut_to_multiple, fit_result, fit_within
from bench.quality.values import MetricValues
from bench.records.schema import MetricName
from bench.subjects import Subject, row_name
from pcakd.cards import add_relatives
from pcakd.errors import ConfigError, ImageError, PcakdError
from pcakd.images import load_image
from pcakd.utils.precision import full_precision


def require_quality(subjects: Sequence[Subject]) -> None:
    """Check that every subject has trained weights.

    Raises:
        ConfigError: A subject has random weights.
    """
    for subject in subjects:
        if not subject.has_quality:
            raise ConfigError(
                f"subject {subject.name!r} has random weights and no quality; leave it out"
            )


def evaluate_subjects(
    subjects: Sequence[Subject],
    pairs: Sequence[ImagePair],
    metrics: Metrics,
    *,
    device: torch.device,
    multiple_of: int = 1,
    progress: bool = True,
) -> list[Row]:
    """Stylize each image pair with each subject and transform, and measure the float outputs.

    Args:
        subjects: The subjects.
        pairs: The image pairs.
        metrics: The loaded metrics.
        device: Where the subjects compute.
        multiple_of: Both images are first resized by `cut_to_multiple`, and outputs are compared
            with the resized images. 1 is native size.
        progress: Whether to show a progress bar.

    Raises:
        PcakdError: An image cannot be read or is too small, which is found before any work, or an
            output is not finite; the message names the image pair.
    """
    for pair in pairs:
        _check_pair(pair, multiple_of)
    runs = [
        (
            row_name(subject.name, transform),
            subject.prepare(device, transform=transform),
            add_relatives(subject.trained_metrics),
        )
        for subject in subjects
        for transform in subject.transforms
    ]
    rows = []
    with tqdm(total=len(runs) * len(pairs), unit="image", disable=not progress) as bar:
        for pair in pairs:
            with _prefix_errors(f"image pair {pair.name}"), full_precision():
                content, style = (each.to(device) for each in _load_pair(pair, multiple_of))
                described = metrics.describe_style(style)
                for name, stylize, trained in runs:
                    bar.set_postfix_str(f"{pair.name} {name}")
                    with _prefix_errors(f"subject {name}"):
                        values = metrics.measure(stylize(content, style), content, described)
                    rows.append(
                        Row(
                            subject=name,
                            pair=pair.name,
                            size=_row_size(metrics),
                            trained_metrics=trained,
                            **asdict(values),
                        )
                    )
                    bar.update()
    order = [name for name, *_ in runs]
    return sorted(rows, key=lambda row: order.index(row.subject))


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedFile:
    """The result for one finished image.

    Attributes:
        pair: Name of its image pair.
        values: Its metric values; None if it cannot be read.
        reason: Why there are no values.
        made_smaller: Whether it has the native size of its content and was downscaled with it.
    """

    pair: str
    values: MetricValues | None
    reason: str | None = None
    made_smaller: bool = False


def evaluate_files(
    results: Mapping[str, Path],
    pairs: Sequence[ImagePair],
    metrics: Metrics,
    *,
    max_side: int = 0,
    progress: bool = True,
) -> Iterator[EvaluatedFile]:
    """Measure finished images against the image pairs that they are named after, one by one.

    Args:
        results: Image files by the name of their image pair.
        pairs: The image pairs; those without a result are skipped.
        metrics: The loaded metrics.
        max_side: Longest side in pixels that image pairs are downscaled to. A result of the native
            size of its content is downscaled too (`bench.quality.sizes.fit_result`). 0 is native
            size.
        progress: Whether to show a progress bar.

    Yields:
        One `EvaluatedFile` for each image; for a file that cannot be read it has a reason.

    Raises:
        PcakdError: An image of a pair cannot be read or is too small, or a result has another size
            than its content; the message names the image pair.
    """
    present = [pair for pair in pairs if pair.name in results]
    for pair in tqdm(present, unit="image", disable=not progress):
        with _prefix_errors(f"image pair {pair.name}"):
            native = _load(pair.content)
            content, style = fit_within(native, max_side), fit_within(_load(pair.style), max_side)
            try:
                output = _load(results[pair.name])
            except ImageError as error:
                path = results[pair.name]
                reason = str(error).replace(str(path), path.name)  # reports do not show folders
                yield EvaluatedFile(pair=pair.name, values=None, reason=reason)
                continue
            fitted = fit_result(output, native, max_side)
            values = metrics.measure(fitted, content, metrics.describe_style(style))
        smaller = fitted.shape != output.shape
        yield EvaluatedFile(pair=pair.name, values=values, made_smaller=smaller)


def evaluate_results(
    name: str,
    results: Mapping[str, Path],
    pairs: Sequence[ImagePair],
    metrics: Metrics,
    *,
    trained: Sequence[MetricName] = (),
    progress: bool = True,
) -> list[Row]:
    """Measure finished images against the image pairs that they are named after.

    Args:
        name: Name of the subject.
        results: Image files by the name of their image pair.
        pairs: The image pairs; those without a result are skipped.
        metrics: The loaded metrics.
        trained: Metrics whose formulas the images were optimised for.
        progress: Whether to show a progress bar.

    Raises:
        PcakdError: An image cannot be read, is too small or has another size than its content; the
            message names the image pair.
    """
    rows = []
    for result in evaluate_files(results, pairs, metrics, progress=progress):
        if result.values is None:
            raise ImageError(f"image pair {result.pair}: {result.reason}")
        rows.append(create_row(name, result.pair, result.values, metrics, trained=trained))
    return rows


def create_row(
    name: str,
    pair: str,
    values: MetricValues,
    metrics: Metrics,
    *,
    trained: Sequence[MetricName] = (),
) -> Row:
    """Return the metric values of a subject on an image pair as a row."""
    return Row(
        subject=name,
        pair=pair,
        size=_row_size(metrics),
        trained_metrics=add_relatives(trained),
        **asdict(values),
    )


def _row_size(metrics: Metrics) -> str | None:
    """Return the size for a row: None for native size."""
    return None if metrics.size == describe_size() else metrics.size


def _load(path: Path) -> Float[Tensor, "1 3 h w"]:
    return load_image(path)[None]


def _load_pair(pair: ImagePair, multiple_of: int) -> tuple[Tensor, Tensor]:
    content, style = (
        cut_to_multiple(_load(path), multiple_of) for path in (pair.content, pair.style)
    )
    return content, style


def _check_pair(pair: ImagePair, multiple_of: int) -> None:
    with _prefix_errors(f"image pair {pair.name}"):
        content, _ = _load_pair(pair, multiple_of)
        require_comparable(content, content)


@contextmanager
def _prefix_errors(what: str) -> Iterator[None]:
    """Add the image pair or subject in front of the message of an error."""
    try:
        yield
    except PcakdError as error:
        raise type(error)(f"{what}: {error}") from error
