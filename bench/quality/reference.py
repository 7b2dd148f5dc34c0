"""Outputs against ground truth images: PSNR, SSIM, LPIPS and histogram correlation."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from jaxtyping import Float
from skimage.metrics import peak_signal_noise_ratio
from tabulate import tabulate
from torch import Tensor
from tqdm import tqdm

from bench.quality.metrics import Metrics
from bench.quality.rows import explain_intervals, format_mean
from bench.quality.sizes import MIN_CONTENT_SIDE
from bench.records.schema import MetricName
from pcakd.errors import ConfigError, ShapeError
from pcakd.images import list_images, load_image

_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "psnr": "PSNR, dB ↑",
        "ssim": "SSIM ↑",
        "lpips": "LPIPS ↓",
        "histogram_correlation": "Histogram correlation ↑",
    }
)
_METRICS: tuple[MetricName, ...] = ("ssim", "lpips", "histogram_correlation")
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRow:
    """Metric values of one output against its ground truth.

    Attributes:
        subject: Name of what made the output.
        image: Name of both files without suffix.
        psnr: Peak signal-to-noise ratio in decibels, higher is better; infinite for equal images.
        ssim: As `bench.quality.ssim.measure_ssim`, higher is better.
        lpips: As `bench.quality.lpips.LpipsDistance`, lower is better.
        histogram_correlation: As `bench.quality.colours.histogram_correlation`, higher is better.
    """

    subject: str
    image: str
    psnr: float
    ssim: float
    lpips: float
    histogram_correlation: float


def match_references(results: Path, references: Path) -> dict[str, tuple[Path, Path]]:
    """Return output and ground truth by the name that they share, without suffix.

    Raises:
        ConfigError: An image of one folder has none of its name in the other, or two files of a
            folder have one name.
        ImageError: A folder does not exist or has no image.
    """
    outputs, truths = _by_name(results), _by_name(references)
    for missing, there, here in (
        (truths.keys() - outputs.keys(), references, results),
        (outputs.keys() - truths.keys(), results, references),
    ):
        if missing:
            raise ConfigError(
                f"{there} has {_list(missing)}, {here} has not; both folders need the same names"
            )
    return {name: (outputs[name], truths[name]) for name in outputs}


def evaluate_references(
    subject: str,
    files: Mapping[str, tuple[Path, Path]],
    *,
    device: torch.device,
    progress: bool = True,
) -> list[ReferenceRow]:
    """Measure outputs against ground truth at the size of the files.

    Args:
        subject: Name of what made the outputs.
        files: `match_references`.
        device: Where to compute.
        progress: Whether to show a progress bar.

    Raises:
        PcakdError: An image cannot be read or is smaller than 31 px a side, both differ in size, or
            the weights of LPIPS are not found.
    """
    for paths in files.values():  # before anything is computed
        _require_comparable(*paths)
    metrics = Metrics(names=_METRICS, device=device, progress=progress)
    rows = []
    for name, paths in tqdm(files.items(), unit="image", disable=not progress):
        output, truth = (load_image(path)[None].to(device) for path in paths)
        values = asdict(metrics.measure(output, truth, metrics.describe_style(truth)))
        measured = {key: values[key] for key in _METRICS}
        rows.append(
            ReferenceRow(subject=subject, image=name, psnr=measure_psnr(output, truth), **measured)
        )
    return rows


def measure_psnr(output: Float[Tensor, "1 3 h w"], truth: Float[Tensor, "1 3 h w"]) -> float:
    """Return the peak signal-to-noise ratio in decibels of two RGB images in [0, 1].

    The squared error is averaged over pixels and channels. Equal images have an infinite ratio.
    """
    if torch.equal(output, truth):
        return math.inf
    one, other = truth[0].cpu().double().numpy(), output[0].cpu().double().numpy()
    return float(peak_signal_noise_ratio(one, other, data_range=1.0))  # type: ignore[no-untyped-call]


def render_reference_rows(rows: Sequence[ReferenceRow]) -> str:
    """Return rows as a JSON list, without rounding; the infinite PSNR of equal images is null."""
    values = [
        {key: None if value == math.inf else value for key, value in asdict(row).items()}
        for row in rows
    ]
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


def render_reference_means(rows: Sequence[ReferenceRow]) -> str:
    """Return a table of the means over images, with intervals that the last line explains."""
    cells = [_cell([getattr(row, name) for row in rows]) for name in _COLUMNS]
    table = [[rows[0].subject, len(rows), *cells]]
    headers = ["subject", "images", *_COLUMNS.values()]
    text = tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True)
    return f"{text}\n{explain_intervals('images')}"


def _cell(values: Sequence[float]) -> str:
    """Write a mean; the PSNR of equal images is left out of it and counted."""
    finite = [value for value in values if value != math.inf]
    equal = len(values) - len(finite)
    if not equal:
        return format_mean(finite)
    return f"{format_mean(finite)}; {equal} equal" if finite else "∞"


def _by_name(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in found:
            raise ConfigError(
                f"{folder} holds two files for one image, {found[path.stem].name} and {path.name}; "
                "remove one"
            )
        found[path.stem] = path
    return found


def _list(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(ordered[:_SHOWN]) + more


def _require_comparable(output: Path, truth: Path) -> None:
    (height, width), (rows, columns) = (load_image(path).shape[-2:] for path in (output, truth))
    if (height, width) != (rows, columns):
        raise ShapeError(
            f"{output} is {width}x{height} px and {truth} {columns}x{rows}; give both one size"
        )
    if min(height, width) < MIN_CONTENT_SIDE:
        raise ShapeError(
            f"{output} is {width}x{height} px, LPIPS needs at least {MIN_CONTENT_SIDE}x"
            f"{MIN_CONTENT_SIDE}; use larger images"
        )
