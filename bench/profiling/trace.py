"""A trace of one call that Perfetto and chrome://tracing open, with sections as named ranges."""

import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch._C._profiler import _ExperimentalConfig
from torch.profiler import (
    ProfilerActivity,
    profile,
    record_function,
)

from pcakd.errors import OutputError
from pcakd.utils.files import write_atomically
from pcakd.utils.sections import instrument_sections


def write_trace(path: Path, call: Callable[[], object], *, device: torch.device) -> None:
    """Run a call under torch's profiler and write its trace, whole or not at all.

    Args:
        path: The file: JSON, compressed if its name ends in ``.gz``.
        call: The call, after a warm-up.
        device: Its device.

    Raises:
        OutputError: The file cannot be written, or the profiler made no trace.
    """
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with (
        profile(activities=activities, experimental_config=_all_threads()) as profiler,
        instrument_sections(record_function),
    ):
        call()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(raw))
        content = raw.read_bytes()
    _require_trace(path, content)
    with write_atomically(path) as stream:
        stream.write(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _all_threads() -> _ExperimentalConfig | None:
    """Return the setting that records tiles, which run in threads of their own; None before 2.7."""
    try:
        return _ExperimentalConfig(profile_all_threads=True)
    except TypeError:
        return None


def _require_trace(path: Path, content: bytes) -> None:
    try:
        trace = json.loads(content)
    except ValueError as error:
        raise OutputError(f"cannot write {path}: torch made no JSON trace ({error})") from error
    if not isinstance(trace, dict) or not trace.get("traceEvents"):
        raise OutputError(f"cannot write {path}: torch's trace has no traceEvents; update torch")
