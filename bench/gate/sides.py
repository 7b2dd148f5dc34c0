"""The two versions of the code: a revision or folder against the working tree. No torch.

Both sides are built alike: their files are copied into a temporary folder and installed into a
virtual environment of their own. The environment sees the packages of the running one, and pip
installs what a side requires beyond them, so that torch is not installed twice.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.gate.scratch import process_environment, scratch_folder
from bench.gate.side_client import Side
from pcakd.errors import ConfigError, PcakdError

_PTH = "pcakd_gate.pth"
_UNMET = Path(__file__).with_name("unmet_requirements.py")
_EXTRAS = re.compile(r"\[([\w.,\s-]+)\]$")
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


@contextmanager
def open_sides(
    root: Path,
    against: str | Path | None,
    *,
    install: Sequence[str],
    python: Path | None = None,
) -> Iterator[tuple[Side, Side, Path]]:
    """Build both sides, and remove them afterwards.

    Args:
        root: The repository whose working tree is head.
        against: Base: a commit of the repository, or a folder of code. None with ``python``.
        install: What pip installs in a side's folder: ``.``, or ``.[extra]``.
        python: Interpreter of an environment in which base is installed; base is then not built.

    Yields:
        Base, head, and a folder for temporary files.

    Raises:
        BuildError: A side cannot be copied or installed.
    """
    with scratch_folder() as scratch:
        if python is not None:
            folder = against if isinstance(against, Path) else root
            base = Side(
                name="base",
                title=str(python),
                python=python,
                folder=folder,
                environment=process_environment(scratch),
            )
        else:
            copy = scratch / "base" / "code"
            if isinstance(against, Path):
                title = str(against)
                _copy_folder(against, copy, "base")
            else:
                title = str(against)[:12]
                _clone(root, str(against), copy)
            base = _build("base", title, copy, root, install, scratch)
        copy = scratch / "head" / "code"
        _copy_folder(root, copy, "head")
        head = _build("head", "working tree", copy, root, install, scratch)
        files = scratch / "files"
        files.mkdir()
        yield base, head, files


def _build(
    name: str, title: str, code: Path, root: Path, install: Sequence[str], scratch: Path
) -> Side:
    """Install the code of a side into a virtual environment of its own."""
    environment = scratch / name / "environment"
    variables = process_environment(scratch)
    _run(name, [sys.executable, "-m", "venv", str(environment)], variables)
    python = _interpreter(environment)
    packages = _run(
        name,
        [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        variables,
    ).strip()
    Path(packages, _PTH).write_text("\n".join(_visible_paths(root)) + "\n", encoding="utf-8")
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(name, [*pip, "--no-deps", *install], variables, folder=code)
    # what the environment meets stays as it is: pip would replace a torch that is not on its index
    extras = {each for text in install for each in _find_extras(text)}
    unmet = [str(python), "-P", str(_UNMET), packages, *sorted(extras)]
    if required := _run(name, unmet, variables).splitlines():
        _run(name, [*pip, *required], variables, folder=code)
    variables["PYTHONPATH"] = ""  # that of the caller could hide what is installed
    return Side(name=name, title=title, python=python, folder=code, environment=variables)


def _find_extras(text: str) -> list[str]:
    """Return the extras of an argument of pip.

    >>> _find_extras(".[bench, timm]"), _find_extras(".")
    (['bench', 'timm'], [])
    """
    match = _EXTRAS.search(text)
    return [each.strip() for each in match[1].split(",")] if match else []


def _interpreter(environment: Path) -> Path:
    windows = environment / "Scripts" / "python.exe"
    return windows if windows.exists() else environment / "bin" / "python"


def _visible_paths(root: Path) -> list[str]:
    """Return where the running interpreter finds packages, without the repository under test."""
    library = Path(os.__file__).parent
    hidden = {root.resolve(), Path.cwd().resolve(), library, library / "lib-dynload"}
    paths = [Path(each).resolve() for each in sys.path if each]
    return [str(each) for each in dict.fromkeys(paths) if each.is_dir() and each not in hidden]


def _clone(root: Path, commit: str, target: Path) -> None:
    """Check a commit out; a shared clone leaves no trace in the repository, a worktree would."""
    target.parent.mkdir(parents=True)
    try:
        _git(root, "clone", "--quiet", "--shared", "--no-checkout", str(root), str(target))
        _git(target, "checkout", "--quiet", "--detach", commit)
    except ConfigError as error:
        raise BuildError("base", str(error)) from error


def _copy_folder(source: Path, target: Path, side: str) -> None:
    """Copy a folder of code; of a repository the files that git does not ignore."""
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


def _run(
    side: str, command: Sequence[str], variables: dict[str, str], *, folder: Path | None = None
) -> str:
    """Run a step of a build and return its output; its last line is the reason of a failure."""
    environment = {**os.environ, **variables}
    environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(side, f"{side} cannot be built: {error}") from error
    if done.returncode:
        raise BuildError(side, f"{side} cannot be installed: {_find_cause(done.stderr)}")
    return done.stdout


def _find_cause(text: str) -> str:
    """Return the line of pip's messages that names the cause."""
    lines = [line.strip(" ×╰─>│") for line in text.splitlines()]
    lines = [line for line in lines if line]
    errors = [line for line in lines if "Error" in line or line.startswith("ERROR")]
    return f"{(errors or lines or ['no message'])[-1]:.300}"


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
