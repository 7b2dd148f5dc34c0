"""The commit of the code, for cards and records."""

import hashlib
import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def git_state(root: Path = _ROOT) -> tuple[str | None, bool | None]:
    """Return the commit of the code and whether tracked files differ from it.

    Changes under ``reports`` do not count: reports are generated. Without git, or where the package
    is installed outside its repository, both are None.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    commit = _git(root, "rev-parse", "HEAD")
    if top is None or commit is None or Path(top).resolve() != root.resolve():
        return None, None
    changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!reports")
    return commit, None if changes is None else bool(changes)


def name_commit(root: Path = _ROOT) -> str | None:
    """Return the commit, marked ``-dirty`` if tracked files differ from it; None without git."""
    commit, dirty = git_state(root)
    return f"{commit}-dirty" if dirty else commit


def hash_edits(root: Path = _ROOT) -> str:
    """Return the SHA-256 of the changes to tracked files since their commit, without reports."""
    edits = _git(root, "diff", "--binary", "HEAD", "--", ".", ":!reports") or ""
    return hashlib.sha256(edits.encode("utf-8", "surrogateescape")).hexdigest()


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],  # noqa: S607 (git from the user's PATH)
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",  # a diff contains bytes of files, which need not be UTF-8
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
