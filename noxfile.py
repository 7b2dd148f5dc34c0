"""The commands of this project; ``nox -l`` lists them and CI runs the same ones."""

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests"]
PROJECT = nox.project.load_toml("pyproject.toml")


def _install(session: nox.Session, *groups: str, compiled: bool = False) -> None:
    """Install the project; ``compiled`` pays where many processes import torch."""
    # pip compiles on its own, uv when it is told to
    session.env["UV_COMPILE_BYTECODE"] = "1" if compiled else "0"
    session.install("-e", ".", *nox.project.dependency_groups(PROJECT, *groups) if groups else ())


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, docstrings and types."""
    _install(session, "lint", "test")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; real weights and data are used where PCAKD_WEIGHTS and PCAKD_TEST_DATA are."""
    _install(session, "test", compiled=True)
    # one thread a worker: small tensors gain nothing by more, and threads would wait for turns
    session.env["OMP_NUM_THREADS"] = "1"
    session.run("pytest", "-n", "auto", "-p", "no:benchmark", *session.posargs)


@nox.session
def distill(session: nox.Session) -> None:
    """Distil a shipped student anew and compare: ``-- mobilenet_v1 [--data DIR] [-o DIR] …``.

    Photographs come from ``--data``, else from ``photos/train`` of ``PCAKD_TEST_DATA``.
    """
    name, *options = session.posargs or session.error("name a student: -- mobilenet_v1")
    defaults = ["-o", f"runs/{name}", "--device", "cpu"]
    if data := os.environ.get("PCAKD_TEST_DATA"):
        defaults += ["--data", str(Path(data) / "photos" / "train")]
    elif not any(option.startswith("--data") for option in options):
        session.error("name photographs: --data DIR")
    _install(session)
    # the threads of the shipped students' trainings: the order of sums is part of their weights
    session.env["OMP_NUM_THREADS"] = "1"
    session.run(
        *("python", "-m", "pcakd", "distill", "--backbone", name, "--compare-with", name),
        *(*defaults, *options),  # of an option that is given twice the last one counts
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the shipped students and render a report: the quick profile, or your own options."""
    _install(session, compiled=True)
    session.run("python", "-m", "bench", "run", *session.posargs)


@nox.session
def check(session: nox.Session) -> None:
    """Compare parameters and multiply-adds with the committed records, exactly."""
    _install(session)
    session.run("python", "-m", "bench", "check", *session.posargs)


@nox.session
def microbench(session: nox.Session) -> None:
    """Time the parts: covariance, roots, encoder, decoder, filter, metrics, a peer."""
    _install(session, "test")
    parts = ("linalg", "students", "metrics", "peers")
    files = [f"tests/microbench/bench_{part}.py" for part in parts]
    session.run("pytest", *files, *session.posargs)
