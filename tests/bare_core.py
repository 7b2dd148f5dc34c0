"""What the core does alone, in an environment that has nothing else: CONTENT STYLE OUTPUT.

`nox -s bare` runs this on the installed package, without pytest.
"""

import contextlib
import io
import re
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

PROJECT = "pca-kd-bench"


def main() -> None:
    """Stylize and list, then check the imports and the messages about missing extras."""
    content, style, output = sys.argv[1:]
    import pcakd

    check(Path(pcakd.__file__).is_relative_to(sys.prefix), f"{pcakd.__file__} is not installed")
    check("torch" not in sys.modules, "import pcakd imports torch")
    arguments = [content, style, "-o", output]
    check(run(["stylize", *arguments])[0] == 0, "pcakd stylize fails")
    check(Path(output).stat().st_size > 0, f"{output} is empty")
    saved = str(Path(output).with_suffix(".safetensors"))
    check(run(["style", "extract", style, "-o", saved])[0] == 0, "pcakd style extract fails")
    again = ["stylize", content, "--style", saved, "-o", output]
    check(run(again)[0] == 0, "pcakd stylize --style fails")
    check(run(["list"])[0] == 0, "pcakd list fails")
    check_imports()
    check_missing(["stylize", *arguments, "--guided-filter"], "filter")
    check_missing(["distill", "--backbone", "tiny", "--data", ".", "-o", "out"], "train")
    check_missing(["eigenbases", "--backbone", "tiny", "--data", ".", "-o", "out"], "train")
    check_missing(["check"], "bench", benchmark=True)
    print(f"the core stylizes alone: {', '.join(sorted(direct()))}")


def check(fact: bool, message: str) -> None:
    """End where something is not so."""
    if not fact:
        sys.exit(f"bare core: {message}")


def run(arguments: list[str], *, benchmark: bool = False) -> tuple[int, str]:
    """Run a command; return its exit status and what it wrote to standard error."""
    if benchmark:
        from bench.cli import main as command
    else:
        from pcakd.cli import main as command
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        status = command(arguments)
    return status, errors.getvalue()


def check_missing(arguments: list[str], extra: str, *, benchmark: bool = False) -> None:
    """Check that a command ends in one line that names an extra."""
    status, errors = run(arguments, benchmark=benchmark)
    named = errors.count("\n") == 1 and f"'{PROJECT}[{extra}]'" in errors
    check(status == 2 and named, f"{arguments}: status {status}, {errors!r}")


def plain(name: str) -> str:
    """Return a distribution's name in its normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(name: str) -> set[str]:
    """Return the distributions that one needs, without its extras."""
    lines = distribution(name).requires or []
    return {plain(re.split(r"[^\w.-]", line)[0]) for line in lines if "extra ==" not in line}


def direct() -> set[str]:
    """Return the dependencies that the core declares."""
    return requirements(PROJECT)


def check_imports() -> None:
    """Check that what was imported is declared, and what is declared was imported."""
    owners = packages_distributions()
    imported = {name.partition(".")[0] for name in sys.modules}
    used = {plain(each) for name in imported for each in owners.get(name, ())} - {PROJECT}
    installed = {plain(each) for names in owners.values() for each in names}
    allowed, new = set(), direct()
    while new:
        allowed |= new
        new = {r for name in new & installed for r in requirements(name)} - allowed
    check(used <= allowed, f"imported, not declared: {', '.join(sorted(used - allowed))}")
    check(direct() <= used, f"declared, not imported: {', '.join(sorted(direct() - used))}")


if __name__ == "__main__":
    main()
