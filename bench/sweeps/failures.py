"""Trainings that failed in other processes: attempts and messages. No torch."""

from collections.abc import Sequence
from pathlib import Path

from pcakd.errors import ConfigError

ATTEMPTS = 3
"""Times that a training is started whose process is lost, because it was killed or crashed."""

BAD_INPUT = 2
"""Exit status of a command whose input cannot be used; trying again would not help."""

_MOST_LETTERS = 300


def last_line(log: Path) -> str:
    """Return the last line that a process printed, without progress bars."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    return lines[-1][:_MOST_LETTERS] if lines else "no message"


def raise_failures(failures: Sequence[str], logs: Path) -> None:
    """Report failures, if there are any.

    Raises:
        ConfigError: There are.
    """
    if failures:
        more = f" ({len(failures) - 1} more failed)" if len(failures) > 1 else ""
        raise ConfigError(f"{failures[0]}{more}; logs are in {logs}")
