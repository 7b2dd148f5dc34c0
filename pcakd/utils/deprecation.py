"""Warnings about names that changed."""

import sys


def warn_renamed(old: str, new: str) -> None:
    """Write one line about a renamed command, option or file to standard error."""
    sys.stderr.write(f"warning: {old} is now {new}; the old name works for one more release\n")
