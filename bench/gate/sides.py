"""The two versions of the code: a revision or folder against the working tree. No torch.

Both sides are built alike: their files are copied into a temporary folder and installed into a
virtual environment of their own. The environment sees the packages of the running one, and pip
installs what a side requires beyond them, so that torch is not installed twice.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.gate.cases import CaseResult, GateCase, GateResult
from bench.gate.checkouts import BuildError, check_out, copy_folder
from bench.gate.scratch import process_environment, scratch_folder
from bench.gate.side_client import Side
from bench.gate.verdicts import Verdict
from pcakd.utils.git import name_commit

_PTH = "pcakd_gate.pth"
_UNMET = Path(__file__).with_name("unmet_requirements.py")
_EXTRAS = re.compile(r"\[([\w.,\s-]+)\]$")
_SECONDS = 900


@contextmanager
def open_sides(
    root: Path,
    against: str | Path | None,
    *,
    install: Sequence[str],
    python: Path | None = None,
    files: Sequence[str] = (),
) -> Iterator[tuple[Side, Side, Path]]:
    """Build both sides, and remove them afterwards.

    Args:
        root: The repository whose working tree is head.
        against: Base: a commit of the repository, or a folder of code. None with ``python``.
        install: What pip installs in a side's folder: ``.``, or ``.[extra]``.
        python: Interpreter of an environment in which base is installed; base is then not built.
        files: Paths of student files in the repository, which head has even if git ignores them.

    Yields:
        Base, head, and a folder for temporary files.

    Raises:
        BuildError: A side cannot be copied or installed.
    """
    with scratch_folder() as scratch:
        variables = process_environment(scratch)
        if python is not None:
            folder = against if isinstance(against, Path) else root
            base = Side(
                name="base",
                title=str(python),
                python=python,
                folder=folder,
                environment={**variables, "PYTHONPATH": ""},  # the caller's could hide base
            )
        else:
            copy = scratch / "base" / "code"
            if isinstance(against, Path):
                title = str(against)
                copy_folder(against, copy, "base", variables)
            else:
                title = str(against)[:12]
                check_out(root, str(against), copy, variables)
            base = _build("base", title, copy, root, install, scratch)
        copy = scratch / "head" / "code"
        copy_folder(root, copy, "head", variables, others=files)
        head = _build("head", describe_head(root), copy, root, install, scratch)
        temporary = scratch / "files"
        temporary.mkdir()
        yield base, head, temporary


def fail_build(cases: Sequence[GateCase], error: BuildError, *, base: str) -> GateResult:
    """Return the result of a gate of which a side cannot be built.

    Without head every case failed; without base none compares.
    """
    verdict: Verdict = "failed" if error.side == "head" else "not comparable"
    results = [CaseResult(case=each, verdict=verdict, reason=str(error)) for each in cases]
    return GateResult(results=results, base=base, head="working tree")


def describe_head(root: Path) -> str:
    """Return what head is: the working tree, and the commit that it is or differs from."""
    commit = name_commit(root)
    return f"working tree at {commit}" if commit else "working tree"


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
    # behind what is installed: modules that lie loose in the code, then the running environment
    paths = [str(code), *_visible_paths(root)]
    Path(packages, _PTH).write_text("\n".join(paths) + "\n", encoding="utf-8")
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
