"""The jobs that measure: cost, speed ratio, largest image, time breakdown."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.machine.memory import total_bytes
from bench.machine.neighbours import busy_neighbours, torch_neighbour
from bench.machine.state import compare_states, read_state
from bench.profiling.breakdown import create_section_clock, median_sections, time_sections
from bench.profiling.latency import create_timer, measure_interleaved, measure_latency
from bench.profiling.memory import MemoryMeter
from bench.records.schema import FILTER_SEPARATOR, Beside
from bench.subjects import Subject, parse_subject
from bench.worker.jobs.setup import Job, Send, choose_device, make_images
from pcakd.utils.precision import full_precision

_SMALL = 80  # pixels a side of the image that makes torch load its libraries


def measure_cost(job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject) -> None:
    """Send latency samples of one subject at one size, and the state of the machine around them.

    ``neighbours`` of the job are processes that keep a core busy each meanwhile.
    """
    device = choose_device(job["device"])
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(job["memory_fraction"])
    timer = create_timer(device)
    with full_precision(), torch.inference_mode():
        call = _load_case(job, device, parse)
        with _watch_machine() as state, busy_neighbours(job["neighbours"]):
            samples = measure_latency(
                call,
                timer=timer,
                warmup=job["warmup"],
                samples=job["samples"],
                seconds=job["sample_seconds"],
            )
    send({"type": "cost", "latency_ns": samples, "machine_state": state})


def measure_memory(
    job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject
) -> None:
    """Send the peak memory of one call of one subject at one size.

    A call on a small image comes first, so that libraries which torch loads at their first use, and
    the photographs that images are made of, belong to the baseline.
    """
    device = choose_device(job["device"])
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(job["memory_fraction"])
    with full_precision(), torch.inference_mode():
        _load_case({**job, "height": _SMALL, "width": _SMALL}, device, parse)()
        meter = MemoryMeter(device)
        _load_case(job, device, parse)()
    peak = meter.peak_bytes()
    send({"type": "memory", "peak_bytes": peak, "baseline_bytes": meter.baseline_bytes})


def measure_ratio(job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject) -> None:
    """Send latency samples of two subjects that are timed in turn, and the state of the machine.

    The job says which of the two is prepared first and starts, and what runs beside them.
    """
    device = choose_device(job["device"])
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(job["memory_fraction"])
    with full_precision(), torch.inference_mode():
        content, style = make_images(job, device)
        names = ("other", "subject") if job["swapped"] else ("subject", "other")
        first, second = (
            parse(job[name]).prepare(device, transform=job[f"{name}_transform"]) for name in names
        )
        with _watch_machine() as state, _start_neighbours(job["beside"]):
            samples = measure_interleaved(
                lambda: first(content, style),
                lambda: second(content, style),
                timer=create_timer(device),
                warmup=job["warmup"],
                rounds=job["rounds"],
            )
    found = dict(zip(names, samples, strict=True))
    latencies = {"latency_ns": found["subject"], "other_latency_ns": found["other"]}
    send({"type": "ratio", **latencies, "machine_state": state})


def measure_capacity(
    job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject
) -> None:
    """Stylize once within a memory; send the memory of the process before it, then the peak.

    On CUDA torch's allocator enforces the limit. Elsewhere the parent enforces it, from the first
    message on.
    """
    device = choose_device(job["device"])
    if device.type == "cuda":
        share = job["memory_bytes"] / total_bytes(device)
        torch.cuda.set_per_process_memory_fraction(min(share, job["memory_fraction"]))
    timer = create_timer(device)
    with full_precision(), torch.inference_mode():
        _load_case({**job, "height": _SMALL, "width": _SMALL}, device, parse)()
        meter = MemoryMeter(device)
        send({"type": "baseline", "baseline_bytes": meter.baseline_bytes})
        latency_ns = timer.time(_load_case(job, device, parse))
    send({"type": "capacity", "peak_bytes": meter.peak_bytes(), "latency_ns": latency_ns})


def measure_breakdown(
    job: Job, send: Send, *, parse: Callable[[str], Subject] = parse_subject
) -> None:
    """Send latency, multiply-adds and bytes by section of one subject at one size.

    A second message has the guided filter, which is not part of a stylization; the first message
    does not depend on it. A subject that ends with a filter has it among its sections, and there is
    no second message. If the job names a file, a trace of one call is written into it.
    """
    from bench.filters.registry import FILTERS
    from bench.profiling.trace import write_trace
    from bench.profiling.traffic import count_filter, count_sections

    guided = FILTERS.get("guided")

    device = choose_device(job["device"])
    subject = parse(job["subject"])
    counts = count_sections(
        subject.prepare("cpu", transform=job["transform"]), job["height"], job["width"]
    )
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(job["memory_fraction"])
    clock = create_section_clock(device)
    with full_precision(), torch.inference_mode():
        content, style = make_images(job, device)
        prepared = subject.prepare(device, transform=job["transform"])
        with _watch_machine() as state:
            times = time_sections(
                lambda: prepared(content, style),
                timer=create_timer(device),
                clock=clock,
                warmup=job["warmup"],
                samples=job["samples"],
                seconds=job["sample_seconds"],
            )
        sections = {
            name: {"latency_ns": latency_ns, **counts.get(name, {"macs": 0, "bytes": 0})}
            for name, latency_ns in median_sections(times.sections_ns).items()
        }
        measured = {"latency_ns": times.latency_ns, "sections": sections}
        send({"type": "breakdown", **measured, "machine_state": state})
        if FILTER_SEPARATOR in job["subject"]:
            if job["trace"]:
                write_trace(Path(job["trace"]), lambda: prepared(content, style), device=device)
            return
        output = prepared(content, style)
        guided.apply(output[0], content[0])
        filtering = [
            clock.time(lambda: guided.apply(output[0], content[0])) for _ in times.latency_ns
        ]
        latency_ns = median_sections(filtering)["filter"]
        counted = count_filter(guided.countable, job["height"], job["width"])
        send({"type": "filter", "latency_ns": latency_ns, **counted})
        if job["trace"]:
            write_trace(
                Path(job["trace"]),
                lambda: guided.apply(prepared(content, style)[0], content[0]),
                device=device,
            )


@contextmanager
def _watch_machine() -> Iterator[dict[str, Any]]:
    """Yield a mapping that gets the state of the machine before and after the context."""
    state: dict[str, Any] = {}
    before = read_state()
    yield state
    state.update(compare_states(before, read_state()))


def _start_neighbours(beside: Beside | None) -> AbstractContextManager[None]:
    if beside == "torch":
        return torch_neighbour(torch.get_num_threads())
    return busy_neighbours(torch.get_num_threads() if beside == "loops" else 0)


def _load_case(
    job: Job, device: torch.device, parse: Callable[[str], Subject]
) -> Callable[[], Tensor]:
    """Load both images and the subject onto the device; return the call that stylizes."""
    content, style = make_images(job, device)
    prepared = parse(job["subject"]).prepare(device, transform=job["transform"])
    return lambda: prepared(content, style)
