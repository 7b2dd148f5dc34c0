"""The jobs of a child process: describe a run, measure a case, score a subject."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.devices import parse_device
from bench.environment import describe_environment
from bench.profiling.latency import create_timer, measure_in_turn, measure_latency
from bench.profiling.memory import MemoryMeter, total_bytes
from bench.profiling.stages import create_stage_clock, median_stages, time_stages
from bench.quality.pairs import Pair, describe_pair
from bench.quality.sizes import fit_within
from bench.subjects import DEFAULT_TRANSFORM, NO_TRANSFORM, Prepared, Subject, parse_subject
from pcakd.errors import PcakdError
from pcakd.images import load_image
from pcakd.precision import full_precision

if TYPE_CHECKING:
    from bench.quality.evaluate import Metrics

Job = Mapping[str, Any]
Send = Callable[[dict[str, Any]], None]

_EXAMPLE_TRANSFORMS = (DEFAULT_TRANSFORM, NO_TRANSFORM)


def describe_run(job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject) -> None:
    """Answer with the environment, each pair and each subject, MACs included.

    Bad input of a run comes to light here, before anything is measured.
    """
    device = choose_device(job["device"])
    for source in job["subjects"]:  # a wrong name need not wait until others are counted
        parse(source)
    send({"type": "environment", **describe_environment(device)})
    torch.set_num_threads(1)  # the traced images are tiny: threads would only wait for each other
    for pair in job["pairs"]:
        send({"type": "pair", **_describe_pair(pair, job["max_side"])})
    for source in job["subjects"]:
        send({"type": "subject", **_describe_subject(source, job["resolutions"], parse)})


def measure_cost(job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject) -> None:
    """Answer with latency samples and peak memory of one subject at one size."""
    device = choose_device(job["device"])
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(job["memory_fraction"])
    timer = create_timer(device)
    meter = MemoryMeter(device)
    with full_precision(), torch.inference_mode():
        call = _load_case(job, device, parse)
        samples = measure_latency(
            call,
            timer=timer,
            warmup=job["warmup"],
            samples=job["samples"],
            seconds=job["sample_seconds"],
        )
    send(
        {
            "type": "cost",
            "latency_ns": samples,
            "peak_bytes": meter.peak_bytes(),
            "baseline_bytes": meter.baseline_bytes,
        }
    )


def measure_pair(job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject) -> None:
    """Answer with latency samples of two subjects that are timed in turn at one size."""
    device = choose_device(job["device"])
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(job["memory_fraction"])
    with full_precision(), torch.inference_mode():
        content, style = _make_images(job, device)
        first, second = (
            parse(job[name]).prepare(device, transform=job[f"{name}_transform"])
            for name in ("subject", "other")
        )
        samples, other_samples = measure_in_turn(
            lambda: first(content, style),
            lambda: second(content, style),
            timer=create_timer(device),
            warmup=job["warmup"],
            rounds=job["rounds"],
        )
    send({"type": "pair", "latency_ns": samples, "other_latency_ns": other_samples})


def measure_capacity(
    job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject
) -> None:
    """Stylize once within a memory; answer with what the process holds before, then the peak.

    On CUDA torch's allocator refuses what exceeds the memory. Elsewhere the parent watches the
    process from the first answer on.
    """
    device = choose_device(job["device"])
    if device.type == "cuda":
        share = job["memory_bytes"] / total_bytes(device)
        torch.cuda.set_per_process_memory_fraction(min(share, job["memory_fraction"]))
    timer = create_timer(device)
    meter = MemoryMeter(device)
    send({"type": "baseline", "baseline_bytes": meter.baseline_bytes})
    with full_precision(), torch.inference_mode():
        latency_ns = timer.time(_load_case(job, device, parse))
    send({"type": "capacity", "peak_bytes": meter.peak_bytes(), "latency_ns": latency_ns})


def measure_stages(
    job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject
) -> None:
    """Answer with latency, multiply-adds and bytes by stage of one subject at one size.

    A second message has the guided filter, which is no part of a stylization: what becomes of it
    does not bear on the first. Where the job names a file, a trace of one call is written into it.
    """
    from bench.profiling.trace import write_trace
    from bench.profiling.traffic import count_filter, count_stages
    from pcakd.filters import guided_filter

    device = choose_device(job["device"])
    subject = parse(job["subject"])
    counts = count_stages(
        subject.prepare("cpu", transform=job["transform"]), job["height"], job["width"]
    )
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(job["memory_fraction"])
    clock = create_stage_clock(device)
    with full_precision(), torch.inference_mode():
        content, style = _make_images(job, device)
        prepared = subject.prepare(device, transform=job["transform"])
        times = time_stages(
            lambda: prepared(content, style),
            timer=create_timer(device),
            clock=clock,
            warmup=job["warmup"],
            samples=job["samples"],
            seconds=job["sample_seconds"],
        )
        stages = {
            stage: {"latency_ns": latency_ns, **counts.get(stage, {"macs": 0, "bytes": 0})}
            for stage, latency_ns in median_stages(times.stages_ns).items()
        }
        send({"type": "stages", "latency_ns": times.latency_ns, "stages": stages})
        output = prepared(content, style)
        guided_filter(output[0], content[0])
        filtering = [
            clock.time(lambda: guided_filter(output[0], content[0])) for _ in range(job["samples"])
        ]
        latency_ns = median_stages(filtering)["filter"]
        counted = count_filter(job["height"], job["width"])
        send({"type": "filter", "latency_ns": latency_ns, **counted})
        if job["trace"]:
            write_trace(
                Path(job["trace"]),
                lambda: guided_filter(prepared(content, style)[0], content[0]),
                device=device,
            )


def score_quality(job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject) -> None:
    """Answer with the scores of one subject for each pair and transform, and write examples."""
    from bench.quality.evaluate import Metrics

    device = choose_device(job["device"])
    subject = parse(job["subject"])
    with full_precision(), torch.inference_mode():
        metrics = Metrics(device=device, progress=False, max_side=job["max_side"])
        for pair in job["pairs"]:
            content, style = (
                fit_within(load_image(pair[role])[None], job["max_side"]).to(device)
                for role in ("content", "style")
            )
            grams = metrics.describe_style(style)
            for transform in pair["transforms"]:
                stylize = subject.prepare(device, transform=transform)
                fields, output = _score(metrics, stylize, content, style, grams)
                if output is not None and job["examples"] and transform in _EXAMPLE_TRANSFORMS:
                    images = {"content": content, "style": style, job["name"]: output}
                    _write_examples(Path(job["examples"]) / pair["name"], images)
                send({"type": "quality", "pair": pair["name"], "transform": transform, **fields})


def choose_device(name: str | None) -> torch.device:
    """Return a device by name, or the accelerator if there is one.

    A CUDA device becomes the current one, on which events are recorded and memory is limited.
    """
    device = parse_device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cuda":
        torch.cuda.set_device(device.index or 0)
    return device


def _make_images(job: Job, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return a content and a style image of a job's size, the same ones in every child."""
    generator = torch.Generator().manual_seed(0)
    image = partial(torch.rand, 1, 3, job["height"], job["width"], generator=generator)
    return image().to(device), image().to(device)


def _load_case(
    job: Job, device: torch.device, parse: Callable[[str], Subject]
) -> Callable[[], Tensor]:
    """Put both images and the subject on the device; return the call that stylizes."""
    content, style = _make_images(job, device)
    prepared = parse(job["subject"]).prepare(device, transform=job["transform"])
    return lambda: prepared(content, style)


def _describe_pair(pair: Job, max_side: int) -> dict[str, Any]:
    """Read a pair; files that are broken or too small end the run before it begins."""
    files = Pair(name=pair["name"], content=Path(pair["content"]), style=Path(pair["style"]))
    return asdict(describe_pair(files, max_side))


def _describe_subject(
    source: str, resolutions: list[Job], parse: Callable[[str], Subject]
) -> dict[str, Any]:
    from bench.profiling.macs import count_macs

    subject = parse(source)
    # a count is the same in any precision, and half precision is slow on a CPU
    plain = parse(re.sub(r"\+(fp16|bf16)(?=@|$)", "", source))
    measured = resolutions if subject.has_cost else []
    counts = count_macs(
        plain.prepare("cpu"), [(each["height"], each["width"]) for each in measured]
    )
    return {
        "source": source,
        "name": subject.name,
        "hash": subject.hash,
        "transforms": list(subject.transforms),
        "precision": subject.precision,
        "has_quality": subject.has_quality,
        "num_params": subject.num_params,
        "num_eigenbasis_params": subject.num_eigenbasis_params,
        "cost_subject": subject.cost_subject,
        "macs": {each["name"]: asdict(count) for each, count in zip(measured, counts, strict=True)},
    }


def _score(
    metrics: "Metrics", stylize: Prepared, content: Tensor, style: Tensor, grams: Sequence[Tensor]
) -> tuple[dict[str, Any], Tensor | None]:
    """Return record fields and the output; a pair that cannot be scored is a result too."""
    try:
        output = stylize(content, style)
        scores = metrics.score(output, content, grams)
    except PcakdError as error:
        return {"status": "error", "reason": str(error)}, None
    return {"status": "ok", **asdict(scores), "protocol": metrics.protocol}, output


def _write_examples(folder: Path, images: Mapping[str, Tensor]) -> None:
    """Write JPEG files of at most 512 px; names of subjects hold no separators."""
    from PIL import Image

    from pcakd.files import write_atomically

    folder.mkdir(parents=True, exist_ok=True)
    for name, image in images.items():
        pixels = fit_within(image.float(), 512)[0].clamp(0, 1).mul(255).round().byte()
        array = pixels.permute(1, 2, 0).cpu().numpy()
        with write_atomically(folder / f"{name}.jpg") as stream:
            Image.fromarray(array).save(stream, "JPEG", quality=92)


JOBS: Mapping[str, Callable[[Job, Send], None]] = {
    "describe": describe_run,
    "cost": measure_cost,
    "pair": measure_pair,
    "capacity": measure_capacity,
    "stages": measure_stages,
    "quality": score_quality,
}
