"""The process of one side, started by the path of this file with the interpreter of that side.

Both sides run this same file, so that they differ only in the code under test. It imports `bench`
from the environment of its side, for subjects and multiply-adds alone. The parent writes one JSON
command a line to standard input and gets one JSON answer a line; the process ends with its input.
"""

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from statistics import median
from typing import Any

Answer = dict[str, Any]
Command = Mapping[str, Any]

_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_SMALL = 80  # pixels a side of the image that makes torch load its libraries

_FILE = ".safetensors"


class _MissingError(Exception):
    """A subject that this side does not have."""


_open: dict[str, Callable[[], object]] = {}
"""Calls that stylize, by the name of their case."""


def main() -> int:
    """Answer commands until the input ends."""
    if sys.platform == "linux":  # end with the parent, even if that is killed
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != int(sys.argv[1]):
            return 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = {"ok": True, **_COMMANDS[command["do"]](command)}
        except Exception as error:  # every failure is an answer
            kind = "missing" if isinstance(error, _MissingError) else "failure"
            answer = {"ok": False, "kind": kind, "reason": _describe(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


def _describe(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    # messages of the project say what and where
    known = isinstance(error, _MissingError) or type(error).__module__.startswith("pcakd")
    return text if known and text else f"{type(error).__name__}: {text}".rstrip(": ")


def _start(command: Command) -> Answer:
    """Import torch and the subjects, and set the threads."""
    import torch

    import bench.subjects
    from pcakd.utils.devices import resolve_device

    _set_threads(command)
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": str(resolve_device(command["device"])),
        "bench": bench.subjects.__file__,
    }


def _find_factories(command: Command) -> Answer:
    """Return the subjects of other packages that this side would import; it imports none yet."""
    try:
        from bench.plan.factories import find_factories
    except ImportError:  # an older side cannot list them
        return {"factories": {}}
    return {"factories": find_factories(command["subjects"])}


def _identify(command: Command) -> Answer:
    """Return what a subject is; the failure is *missing* if this side has no such one."""
    from bench.subjects import parse_subject
    from pcakd.errors import UnknownNameError

    text = command["subject"]
    file = text[: text.rfind(_FILE) + len(_FILE)] if _FILE in text else ""
    if file and not os.path.exists(file):  # noqa: PTH110
        raise _MissingError(f"{file} does not exist")
    try:
        subject = parse_subject(text)
    except UnknownNameError as error:
        raise _MissingError(str(error)) from error
    return {
        "name": subject.name,
        "hash": subject.hash,
        "transforms": list(subject.transforms),
        "has_quality": subject.has_quality,
        "num_params": subject.num_params,
        "source": _find_source(text, file),
    }


def _find_source(text: str, file: str) -> str | None:
    """Return the files that a subject comes from; None if they are not known."""
    if file:
        return os.path.realpath(file)
    factories = _find_factories({"subjects": [text]})["factories"].values()
    names = [each.partition(":")[0] for each in factories] or ["pcakd", "bench"]
    places = [getattr(sys.modules.get(name), "__file__", None) for name in names]
    return " and ".join(place for place in places if place) or None


def _count(command: Command) -> Answer:
    """Return the multiply-adds of a subject at each size, by the counter of this side."""
    import torch

    from bench.profiling.macs import count_macs
    from bench.subjects import parse_subject

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the traced images are tiny, and threads would slow them down
    try:
        prepared = parse_subject(command["subject"]).prepare("cpu")
        counts = count_macs(prepared, [(height, width) for width, height in command["sizes"]])
    finally:
        torch.set_num_threads(threads)
    return {"macs": [each.macs_total for each in counts]}


def _open_case(command: Command) -> Answer:
    """Prepare a subject and both images; the answer has no samples yet."""
    _set_threads(command)
    with _full_precision():
        _open[command["case"]] = _load(command, command["width"], command["height"])
    return {}


def _close_case(command: Command) -> Answer:
    _open.pop(command["case"], None)
    return {}


def _time_case(command: Command) -> Answer:
    """Time calls of an open case, in nanoseconds."""
    import torch

    call = _open[command["case"]]
    wait = _waiter(command["device"])
    samples = []
    with _full_precision(), torch.inference_mode():
        for _ in range(command["calls"]):
            wait()
            start = time.perf_counter_ns()
            result = call()  # held until the second reading: freeing it is not part of the work
            wait()
            stop = time.perf_counter_ns()
            del result
            samples.append(stop - start)
    return {"latency_ns": samples}


def _measure_memory(command: Command) -> Answer:
    """Return the peak memory of one call, after one on a small image."""
    import torch

    _set_threads(command)
    meter_of = _load_file("bench_gate_memory", command["meter"]).MemoryMeter
    with _full_precision(), torch.inference_mode():
        _load(command, _SMALL, _SMALL)()
        meter = meter_of(torch.device(command["device"]))
        _load(command, command["width"], command["height"])()
    return {"peak_bytes": meter.peak_bytes()}


def _stylize(command: Command) -> Answer:
    """Write the outputs of image pairs as float32 arrays ``(3, h, w)``."""
    import numpy as np
    import torch

    from bench.subjects import parse_subject

    prepared = parse_subject(command["subject"]).prepare(command["device"])
    failures = {}
    with _full_precision(), torch.inference_mode():
        for pair in command["pairs"]:
            content, style = (
                torch.from_numpy(np.load(pair[role]))[None].to(command["device"])
                for role in ("content", "style")
            )
            try:
                output = prepared(content, style)[0].float().cpu().numpy()
            except Exception as error:  # of this pair alone
                failures[pair["name"]] = _describe(error)
                continue
            np.save(pair["output"], output)
    return {"failures": failures}


def _describe_installation(command: Command) -> Answer:
    """Return the size in bytes of the files of a distribution."""
    try:
        files = importlib.metadata.files(command["distribution"]) or []
    except importlib.metadata.PackageNotFoundError:
        return {"size": None, "source": None}
    located = [str(each.locate()) for each in files if each.suffix != ".pyc"]
    present = [path for path in located if os.path.exists(path)]  # noqa: PTH110
    source = os.path.realpath(min(present, default=""))
    return {"size": sum(os.path.getsize(path) for path in present), "source": source}  # noqa: PTH202


def _time_import(command: Command) -> Answer:
    """Time the import of a package, in nanoseconds; this process has not imported it."""
    start = time.perf_counter_ns()
    module = importlib.import_module(command["package"])
    stop = time.perf_counter_ns()
    return {"import_ns": stop - start, "source": getattr(module, "__file__", None)}


_COMMANDS: Mapping[str, Callable[[Command], Answer]] = {
    "start": _start,
    "factories": _find_factories,
    "identify": _identify,
    "count": _count,
    "open": _open_case,
    "close": _close_case,
    "time": _time_case,
    "memory": _measure_memory,
    "stylize": _stylize,
    "installation": _describe_installation,
    "import": _time_import,
}


def _set_threads(command: Command) -> None:
    """Set the CPU threads of what follows; None is torch's default."""
    import torch

    default = _default_threads()  # before the first change
    torch.set_num_threads(command["threads"] or default)


@cache
def _default_threads() -> int:
    import torch

    return torch.get_num_threads()


def _load(command: Command, width: int, height: int) -> Callable[[], object]:
    """Load the images of a case and its subject; return the call that stylizes."""
    import numpy as np
    import torch

    from bench.subjects import parse_subject

    content, style = (
        torch.from_numpy(_tile(np.load(command[role], mmap_mode="r"), height, width))[None].to(
            command["device"]
        )
        for role in ("content", "style")
    )
    prepared = parse_subject(command["subject"]).prepare(command["device"])
    share = command.get("slow_down", 0.0)
    if not share:
        return lambda: prepared(content, style)
    side = max(_SMALL, round(min(width, height) * (share / 4) ** 0.5))
    small = content[..., :side, :side], style[..., :side, :side]
    return _slow_down(lambda: prepared(content, style), lambda: prepared(*small), share)


def _slow_down(
    call: Callable[[], object], part: Callable[[], object], share: float
) -> Callable[[], object]:
    """Return a call that takes longer by a share, because it repeats a part of its work.

    A planted slow-down of the self-test. What is left of the share, less than one repetition takes,
    is spent on one core: threads that wait for each other beside a busy neighbour would exceed it.
    """
    times = [0]  # of the part; later ones are measured where they count, after a whole call

    def slow() -> object:
        start = time.perf_counter_ns()
        result = call()
        now = time.perf_counter_ns()
        until = now + (now - start) * share
        while now + median(times) < until:
            part()
            times.append(time.perf_counter_ns() - now)
            now += times[-1]
        while time.perf_counter_ns() < until:
            pass
        return result

    return slow


def _tile(image: Any, height: int, width: int) -> Any:
    """Return an image ``(3, h, w)`` of another size: cut, or continued by reflection."""
    import numpy as np

    rows, columns = (
        _reflect(np.arange(wanted), size)
        for wanted, size in zip((height, width), image.shape[-2:], strict=True)
    )
    return np.ascontiguousarray(image[:, rows][:, :, columns])


def _reflect(places: Any, size: int) -> Any:
    """Fold places on an endless axis into an axis of ``size``, forwards and backwards in turn."""
    import numpy as np

    folded = places % (2 * size)
    return np.minimum(folded, 2 * size - 1 - folded)


def _waiter(device: str) -> Callable[[], object]:
    import torch

    if device == "cpu":
        return lambda: None
    return lambda: torch.accelerator.synchronize(torch.device(device))


@contextmanager
def _full_precision() -> Iterator[None]:
    """Compute float32 in float32 on CUDA, too."""
    import torch

    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def _load_file(name: str, path: str) -> Any:
    """Import a module of the gate by its path, whichever version of it this side has."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
