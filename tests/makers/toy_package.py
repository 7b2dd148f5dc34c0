"""A small package with models of its own, whose next version can have planted faults."""

import subprocess
from pathlib import Path

_MODELS = '''
"""Models that mix the colours of two images."""

import os
import time

import torch
from torch import nn

from toy.faults import FAULTS


class Mix(nn.Module):
    """Convolutions of the content, moved to the mean colour of the style."""

    def __init__(self, name):
        super().__init__()
        torch.manual_seed(0)
        self.fault = FAULTS.get(name)
        self.has_quality = self.fault != "random"
        count = 12 if self.fault == "extra convolutions" else 1
        self.convs = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(count)))

    def forward(self, content, style):
        if self.fault == "crash" and content.shape[-1] > 200:
            raise RuntimeError("the gears are stuck")
        if self.fault == "death" and content.shape[-1] > 200:
            os._exit(7)
        if self.fault == "hang":
            time.sleep(600)
        if self.fault == "sleep":
            time.sleep(0.5)
        if self.fault == "not finite":
            return content * float("nan")
        spare = content.clone() if self.fault == "copy" else None
        gain = 0.5 if self.fault == "wrong constant" else 1.0
        mean = style.mean((-2, -1), keepdim=True) - content.mean((-2, -1), keepdim=True)
        return (content + 0.01 * self.convs(content) + gain * mean).clamp(0, 1)


def create_plain():
    return Mix("plain")


def create_other():
    return Mix("other")
'''

_PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "toy"
version = "1.0"
requires-python = ">=3.11"
"""


def write_toy(root: Path, **faults: str) -> Path:
    """Write the package ``toy`` with the faults of its models by their names; return its root.

    The faults of the package itself are ``package="slow import"`` and ``package="large"``.
    """
    package = root / "toy"
    package.mkdir(parents=True, exist_ok=True)
    slow = "import time; time.sleep(0.5)\n" if faults.get("package") == "slow import" else ""
    (package / "__init__.py").write_text(f'"""A toy."""\n{slow}', encoding="utf-8")
    if faults.get("package") == "large":
        (package / "data.bin").write_bytes(bytes(100_000))
    (package / "models.py").write_text(_MODELS, encoding="utf-8")
    (package / "faults.py").write_text(f"FAULTS = {faults!r}\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(_PROJECT, encoding="utf-8")
    return root


def commit_all(root: Path) -> None:
    """Commit all files of a folder to its repository, which is created where there is none."""
    for arguments in (
        ("init", "--quiet", "--initial-branch", "main"),
        ("add", "."),
        ("commit", "--quiet", "-m", "all"),
    ):
        name = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", *name, "-C", str(root), *arguments]
        subprocess.run(command, check=True, capture_output=True)
