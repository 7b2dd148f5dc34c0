"""The jobs of a gate: its images as arrays, and the comparison of the outputs of two sides."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.quality.sizes import fit_within
from bench.worker.jobs.setup import Job, Send, choose_device
from pcakd.errors import PcakdError
from pcakd.images import load_image
from pcakd.utils.precision import full_precision


def write_images(job: Job, send: Send) -> None:
    """Write the images of pairs as float32 arrays ``(3, h, w)`` into files that the job names."""
    for pair in job["pairs"]:
        for role in ("content", "style"):
            image = fit_within(load_image(pair[role])[None], job["max_side"])[0]
            np.save(pair[f"{role}_array"], image.numpy())
        send({"type": "image_pair", "name": pair["name"]})


def compare_outputs(job: Job, send: Send) -> None:
    """Send how far the outputs of base and head are apart, and the metrics of those that differ.

    The message of a pair has ``largest`` (the largest absolute difference), ``psnr`` in dB (None
    for equal outputs) and, if the difference exceeds the tolerance, the metric values of both.
    ``reason`` says why there are none, and ``side`` at which side it lies.
    """
    from bench.quality.metrics import Metrics

    device = choose_device(job["device"])
    metrics = None
    for pair in job["pairs"]:
        with full_precision(), torch.inference_mode():
            base, head = (_read(pair[side]) for side in ("base", "head"))
            if base.shape != head.shape:
                sizes = " and ".join(
                    "×".join(map(str, each.shape[-2:][::-1])) for each in (base, head)
                )
                reason = f"sizes differ: {sizes}"
                send({"type": "outputs", "name": pair["name"], "side": "head", "reason": reason})
                continue
            difference = (base - head).abs()
            largest = float(difference.max())
            message: dict[str, Any] = {"type": "outputs", "name": pair["name"], "largest": largest}
            if not math.isfinite(largest):
                side = "head" if torch.isfinite(base).all() else "base"
                reason = f"the output of {side} is not finite"
                send({**message, "largest": None, "side": side, "reason": reason})
                continue
            mse = float(difference.double().square().mean())
            message["psnr"] = None if mse == 0 else -10 * math.log10(mse)
            if largest > job["tolerance"]:
                metrics = metrics or Metrics(names=job["metrics"], device=device, progress=False)
                message |= _measure(metrics, pair, {"base": base, "head": head}, device)
        send(message)


def _measure(
    metrics: Any, pair: Mapping[str, str], outputs: Mapping[str, Tensor], device: torch.device
) -> dict[str, Any]:
    content, style = (_read(pair[f"{role}_array"]).to(device) for role in ("content", "style"))
    described = metrics.describe_style(style)
    values = {}
    for side, output in outputs.items():
        try:
            found = asdict(metrics.measure(output.to(device), content, described))
        except PcakdError as error:
            return {"side": side, "reason": f"{side}: {error}"}
        values[side] = {name: value for name, value in found.items() if value is not None}
    return values


def _read(path: str) -> Tensor:
    return torch.from_numpy(np.load(Path(path)))[None]
