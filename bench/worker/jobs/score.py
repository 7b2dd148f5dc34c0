"""The job that scores a subject on image pairs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.quality.sizes import fit_within
from bench.records.store import name_example
from bench.subjects import (
    DEFAULT_TRANSFORM,
    NO_TRANSFORM,
    Prepared,
    Subject,
    Variation,
    parse_subject,
)
from bench.worker.jobs.setup import Job, Send, choose_device
from pcakd.errors import PcakdError
from pcakd.images import load_image
from pcakd.utils.files import read_safetensors, write_safetensors
from pcakd.utils.precision import full_precision

if TYPE_CHECKING:
    from bench.quality.metrics import Metrics
    from bench.quality.style import StyleDescription

_EXAMPLE_TRANSFORMS = (DEFAULT_TRANSFORM, NO_TRANSFORM)


def score_quality(job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject) -> None:
    """Send the metric values of one subject for each pair and transform, and write examples.

    A pair with ``variations`` (of a student's strength or λ) is scored with each of them, and the
    messages repeat them.
    """
    from bench.quality.metrics import Metrics

    device = choose_device(job["device"])
    subject = parse(job["subject"])
    with full_precision(), torch.inference_mode():
        metrics = Metrics(
            names=job["metrics"], device=device, progress=False, max_side=job["max_side"]
        )
        for pair in job["pairs"]:
            content, style = (
                fit_within(load_image(pair[role])[None], job["max_side"]).to(device)
                for role in ("content", "style")
            )
            styles = job["styles"]
            kept = Path(styles) / f"{pair['name']}.safetensors" if styles else None
            described = _describe_style(metrics, style, kept)
            for transform, varied in product(pair["transforms"], pair.get("variations", [{}])):
                variation = Variation(**varied) if varied else None
                stylize = subject.prepare(device, transform=transform, variation=variation)
                fields, output = _score(metrics, stylize, content, style, described)
                if output is not None and job["examples"] and transform in _EXAMPLE_TRANSFORMS:
                    images = {"content": content, "style": style, job["name"]: output}
                    _write_examples(Path(job["examples"]) / pair["name"], images)
                place = {"pair": pair["name"], "transform": transform, **varied}
                send({"type": "quality", **place, **fields})


def _describe_style(metrics: "Metrics", style: Tensor, kept: Path | None) -> "StyleDescription":
    """Return what is compared of a style image; all children of a run share it in a file."""
    if kept and kept.is_file():
        tensors, _ = read_safetensors(kept)
        return tensors
    described = metrics.describe_style(style)
    if kept:
        write_safetensors(kept, described)
    return described


def _score(
    metrics: "Metrics",
    stylize: Prepared,
    content: Tensor,
    style: Tensor,
    described: "StyleDescription",
) -> tuple[dict[str, Any], Tensor | None]:
    """Return record fields and the output; a pair that cannot be scored is an error record."""
    try:
        output = stylize(content, style)
        scores = metrics.measure(output, content, described)
    except PcakdError as error:
        return {"status": "error", "reason": str(error)}, None
    values = {name: value for name, value in asdict(scores).items() if value is not None}
    return {"status": "ok", **values, "protocol": metrics.protocol}, output


def _write_examples(folder: Path, images: Mapping[str, Tensor]) -> None:
    """Write JPEG files of at most 512 px a side; names of subjects hold no separators."""
    from PIL import Image

    from pcakd.utils.files import write_atomically

    folder.mkdir(parents=True, exist_ok=True)
    for name, image in images.items():
        pixels = fit_within(image.float(), 512)[0].clamp(0, 1).mul(255).round().byte()
        array = pixels.permute(1, 2, 0).cpu().numpy()
        with write_atomically(folder / name_example(name)) as stream:
            Image.fromarray(array).save(stream, "JPEG", quality=92)
