"""Warnings about names that changed."""

import sys
from collections.abc import Mapping


def warn_renamed(old: str, new: str) -> None:
    """Write one line about a renamed command, option or file to standard error."""
    sys.stderr.write(f"warning: {old} is now {new}; the old name works for one more release\n")


def warn_renamed_keys(where: str, renamed: Mapping[str, str]) -> None:
    """Write one line about the old keys of a file, with their new names, to standard error."""
    keys = ", ".join(f"{old!r} (now {new!r})" for old, new in renamed.items())
    sys.stderr.write(f"warning: {where}: old keys {keys}; they work for one more release\n")
