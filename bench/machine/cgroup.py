"""Limits of this process's control groups on Linux: processor time and memory, versions 1 and 2.

A container often sees only its own group, at the top of the file system of groups; without one of
its own, the groups above the process limit it too. The lowest limit on the way counts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

N = TypeVar("N", int, float)
_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_NO_LIMIT = 1 << 62  # bytes; version 1 writes a number above this one for no limit
_UNIFIED = ""  # the controllers of version 2 in /proc/self/cgroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the control groups allow; None where they set no limit.

    Attributes:
        cpu_quota: Processors that may be busy on average, for example 0.5.
        memory_bytes: Memory.
    """

    cpu_quota: float | None = None
    memory_bytes: int | None = None


def read_limits(root: Path = _ROOT, own: Path = _OWN) -> Limits:
    """Return the limits of this process's groups.

    Args:
        root: Where the file systems of groups are mounted.
        own: The file that names the groups of this process.
    """
    paths = _own_paths(own)
    return Limits(
        cpu_quota=min(
            [
                *_each(root, "", paths.get(_UNIFIED), _quota_of_v2),
                *_each(root, "cpu", paths.get("cpu"), _quota_of_v1),
            ],
            default=None,
        ),
        memory_bytes=min(
            [
                *_each(root, "", paths.get(_UNIFIED), _memory("memory.max")),
                *_each(root, "memory", paths.get("memory"), _memory("memory.limit_in_bytes")),
            ],
            default=None,
        ),
    )


def _own_paths(own: Path) -> dict[str, str]:
    """Return the path of this process's group by controller, from lines ``4:memory:/path``."""
    found: dict[str, str] = {}
    for line in _read(own).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        found |= dict.fromkeys(controllers.split(","), path)
    return found


def _each(
    root: Path, controller: str, path: str | None, read: Callable[[Path], N | None]
) -> Iterator[N]:
    """Yield the limits of a group and of those above it, in each place that may hold them."""
    places = [root / controller] if controller else [root, root / "unified"]
    start: PurePosixPath = PurePosixPath((path or "/").lstrip("/"))
    groups: list[PurePosixPath] = [start, *start.parents]
    for place in places:
        for inner in groups:
            limit = read(place / inner)
            if limit is not None and limit > 0:
                yield limit


def _quota_of_v2(group: Path) -> float | None:
    quota, _, period = _read(group / "cpu.max").strip().partition(" ")
    return _share(quota, period)


def _quota_of_v1(group: Path) -> float | None:
    return _share(_read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us"))


def _share(quota: str, period: str) -> float | None:
    """Return microseconds of processor time a period; ``max`` and -1 are no limit."""
    quota, period = quota.strip(), period.strip()
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)


def _memory(name: str) -> Callable[[Path], int | None]:
    def read(group: Path) -> int | None:
        text = _read(group / name).strip()
        return int(text) if text.isdigit() and int(text) < _NO_LIMIT else None

    return read


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
