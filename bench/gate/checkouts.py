"""The code of the two versions: commits of a repository, and copies of its files. No torch."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from pcakd.errors import ConfigError, PcakdError

_SECONDS = 900

_LOCAL = frozenset(
    {
        "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX",
        "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE",
        "GIT_GRAFT_FILE", "GIT_NAMESPACE", "GIT_IMPLICIT_WORK_TREE", "GIT_REPLACE_REF_BASE",
    }
)  # fmt: skip
"""Variables by which a hook names its repository (``git rev-parse --local-env-vars``)."""


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


def check_out(root: Path, commit: str, target: Path, variables: Mapping[str, str]) -> None:
    """Check a commit of a repository out into a new folder, without a trace in the repository.

    Args:
        root: The repository.
        commit: Its commit.
        target: The new folder.
        variables: Environment variables of git.

    Raises:
        BuildError: The commit cannot be checked out.
    """
    target.mkdir(parents=True)
    try:
        _share_history(root, commit, target, variables)
        _git(target, "checkout", "--quiet", "--force", "--detach", commit, variables=variables)
    except (ConfigError, OSError) as error:
        raise BuildError("base", str(error)) from error


def copy_folder(
    source: Path,
    target: Path,
    side: str,
    variables: Mapping[str, str],
    *,
    others: Sequence[str] = (),
) -> None:
    """Copy a folder of code; of a repository the files that git does not ignore.

    A copy of a whole repository has its commit, too, which some packages take their version from.

    Args:
        source: The folder.
        target: The new folder.
        side: ``base`` or ``head``.
        variables: Environment variables of git.
        others: Paths of further files, relative to the folder; those that do not exist are left
            out.

    Raises:
        BuildError: A file cannot be copied.
    """
    target.mkdir(parents=True)
    listed = _list_files(source, variables)
    try:
        if listed is None:
            shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
            return
        _share_head(source, target, variables)
        inside = [name for name in others if _is_inside(source / name, source)]
        for name in dict.fromkeys([*listed, *inside]):
            file = source / name
            if not file.is_symlink() and not file.is_file():
                continue  # deleted, or a submodule
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy, follow_symlinks=False)
    except (ConfigError, OSError) as error:
        raise BuildError(side, f"cannot copy {source}: {error}") from error


def _list_files(folder: Path, variables: Mapping[str, str]) -> list[str] | None:
    """Return the files that git knows or does not ignore; None if it has none in the folder."""
    options = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        listed = _git(folder, *options, variables=variables)
    except ConfigError:
        return None
    return [name for name in listed.split("\0") if name] or None


def _share_head(source: Path, target: Path, variables: Mapping[str, str]) -> None:
    """Give the copy of a repository its commit and index; a folder within one gets none."""
    try:
        top = _git(source, "rev-parse", "--show-toplevel", variables=variables).strip()
        commit = _git(source, "rev-parse", "--verify", "HEAD", variables=variables).strip()
    except ConfigError:
        return  # it has no commit yet
    if Path(top).resolve() == source.resolve():
        _share_history(source, commit, target, variables)
        _git(target, "read-tree", "HEAD", variables=variables)


def _share_history(root: Path, commit: str, target: Path, variables: Mapping[str, str]) -> None:
    """Make a folder a repository at a commit that reads the objects of another one.

    ``git clone --shared`` would do the same, but not of a shallow clone.
    """
    _git(target, "init", "--quiet", "--template=", variables=variables)
    own, shared = target / ".git", _git_path(root, "objects", variables)
    (own / "objects" / "info").mkdir(parents=True, exist_ok=True)
    (own / "objects" / "info" / "alternates").write_text(f"{shared}\n", encoding="utf-8")
    shallow = _git_path(root, "shallow", variables)
    if shallow.is_file():
        shutil.copy(shallow, own / "shallow")
    tags = _git(root, "for-each-ref", "--format=create %(refname) %(objectname)", "refs/tags",
                variables=variables)  # fmt: skip
    _git(target, "update-ref", "--stdin", variables=variables, text=tags)
    _git(target, "update-ref", "--no-deref", "HEAD", commit, variables=variables)


def _git_path(root: Path, name: str, variables: Mapping[str, str]) -> Path:
    """Return the path of a part of a repository, of a linked worktree that of its repository."""
    return root / _git(root, "rev-parse", "--git-path", name, variables=variables).strip()


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _git(
    folder: Path,
    *arguments: str,
    variables: Mapping[str, str] = MappingProxyType({}),
    text: str | None = None,
) -> str:
    """Run git in a folder, whichever repository the caller's environment names; return its output.

    Raises:
        ConfigError: It fails.
    """
    environment = {name: each for name, each in os.environ.items() if name not in _LOCAL}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607 (git from the user's PATH)
            env={**environment, **variables},
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
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
