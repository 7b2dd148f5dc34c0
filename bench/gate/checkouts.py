"""The code of the two versions: commits of a repository, and copies of its files. No torch."""

import shutil
import subprocess
from pathlib import Path

from pcakd.errors import ConfigError, PcakdError

_SECONDS = 900


class BuildError(PcakdError):
    """A side cannot be built.

    Attributes:
        side: ``base`` or ``head``.
    """

    def __init__(self, side: str, reason: str) -> None:
        super().__init__(reason)
        self.side = side


def find_repository(folder: Path) -> Path:
    """Return the root of the repository that holds a folder.

    Raises:
        ConfigError: The folder is in none, or git is missing.
    """
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    except ConfigError:
        raise ConfigError(
            f"{folder} is in no git repository; run the gate in a checkout of the code"
        ) from None


def find_revision(root: Path, name: str) -> str:
    """Return the commit that a revision names.

    Raises:
        ConfigError: The repository has no such revision.
    """
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
    except ConfigError:
        raise ConfigError(
            f"--against {name!r} is no revision of {root}, no folder of code and no run folder; "
            "name one of them (a shallow clone has few revisions: fetch it)"
        ) from None


def clone(root: Path, commit: str, target: Path) -> None:
    """Check base out; a shared clone leaves no trace in the repository, a worktree would.

    Raises:
        BuildError: The commit cannot be checked out.
    """
    target.parent.mkdir(parents=True)
    try:
        _git(root, "clone", "--quiet", "--shared", "--no-checkout", str(root), str(target))
        _git(target, "checkout", "--quiet", "--detach", commit)
    except ConfigError as error:
        raise BuildError("base", str(error)) from error


def copy_folder(source: Path, target: Path, side: str) -> None:
    """Copy a folder of code; of a repository the files that git does not ignore.

    Args:
        source: The folder.
        target: The new folder.
        side: ``base`` or ``head``.

    Raises:
        BuildError: A file cannot be copied.
    """
    target.mkdir(parents=True)
    try:
        listed = _git(source, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    except ConfigError:
        listed = None
    try:
        if listed is None:
            shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
            return
        for name in dict.fromkeys(filter(None, listed.split("\0"))):
            file = source / name
            if not file.is_symlink() and not file.is_file():
                continue  # deleted, or a submodule
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy, follow_symlinks=False)
    except OSError as error:
        raise BuildError(side, f"cannot copy {source}: {error}") from error


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607 (git from the user's PATH)
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"git cannot be run: {error}") from error
    if done.returncode:
        reason = done.stderr.strip().splitlines() or [f"git ended with status {done.returncode}"]
        raise ConfigError(reason[-1])
    return done.stdout
