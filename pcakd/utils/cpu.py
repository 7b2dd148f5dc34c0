"""The name of the processor, for cards and records."""

import platform
import re
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_MODEL_NUMBER = re.compile(r"\d{3}")  # as in "EPYC 7763", not in "Xeon(R) Processor @ 2.20GHz"


def cpu_name() -> str:
    """Return the processor's name; ``"unknown"`` where the system gives none.

    Virtual machines often hide the model: all generations are then an ``"AMD EPYC"``. To a name
    without a model number those of CPUID are added: ``"AMD EPYC (family 25, model 1)"``.
    """
    known = _read_cpuinfo()
    name = known.get("model name")
    if name is None:
        return platform.processor() or platform.machine() or "unknown"
    family, model = known.get("cpu family"), known.get("model")
    if _MODEL_NUMBER.search(name) or family is None or model is None:
        return name
    return f"{name} (family {family}, model {model})"


def _read_cpuinfo() -> dict[str, str]:
    """Return the fields of the first processor; empty where the file is missing."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    first = text.strip().split("\n\n", 1)[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs if value.strip()}
