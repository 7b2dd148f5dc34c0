"""The documents: the first page is one page, its Python runs, and words are the field's."""

import contextlib
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bench.cli
import pcakd

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

# words that are not the field's, and the files that may have them: former names that still work
OLD_WORDS = re.compile(
    r"\b(levers?|legs?|entrants?|rooms|whoever|whatever|nobody|twins?|couples|want of memory|"
    r"comes? back|told apart|told at once|only named)\b",
    re.IGNORECASE,
)
ALLOWED: dict[str, set[str] | None] = {
    "CHANGELOG.md": {"lever", "levers", "twins"},
    "bench/sweeps/plan.py": {"twins"},
    "tests/test_documents.py": None,
    "bench/cli.py": {"levers"},
    "bench/commands/sweep.py": {"levers"},
    "pcakd/students/former_names.py": {"legs", "twins"},
    "tests/bench/sweeps/test_plan.py": {"twins"},
    "tests/bench/sweeps/test_records.py": {"legs", "twins"},
    "tests/bench/commands/test_sweep.py": {"levers"},
    "tests/pcakd/distillation/run_files/test_card.py": {"twins"},
    "tests/pcakd/students/test_former_names.py": {"legs", "twins"},
    "tests/pcakd/distillation/test_trainer.py": {"leg"},
    "tests/pcakd/test_cli.py": {"twin"},
}


@pytest.fixture
def photographs(tmp_path):
    """Return a folder with the photographs that examples name."""
    rng = np.random.default_rng(0)
    for name in ("day", "dusk"):
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(
            tmp_path / f"{name}.jpg"
        )
    return tmp_path


def _examples(page):
    return FENCE.findall((ROOT / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("page", "number"),
    [
        ("README.md", 0),
        *(("docs/python.md", number) for number in range(3)),  # the fourth distils for an hour
        ("docs/teachers.md", 0),
    ],
)
def test_the_python_of_the_documents_runs(page, number, photographs):
    with contextlib.chdir(photographs):
        exec(_examples(page)[number], {})  # noqa: S102 (code of our own page)
        if page == "README.md":
            result = pcakd.load_image("day-at-dusk.png")
            assert result.shape == (3, 48, 64)


def test_the_model_of_the_documents_is_a_subject(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_models.py").write_text(_examples("docs/benchmark.md")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    arguments = ["python:my_models:MeanColour", "content", "--resolution", "64x48"]
    status = bench.cli.main(["ratio", *arguments, "--rounds", "2", "--processes", "1"])
    said = capsys.readouterr()
    assert status == 0, said
    assert "importing my_models for subject python:my_models:MeanColour" in said.err
    assert "content is " in said.out


def test_the_first_page_is_one_page():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_the_documents_lead_somewhere(page):
    links = [target for target, _ in LINK.findall(page.read_text(encoding="utf-8"))]
    missing = [
        target
        for target in links
        if not target.startswith("http") and not (page.parent / target).exists()
    ]
    assert not missing


def test_the_map_of_the_first_page_names_what_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Repository")[1].split("##")[0]
    for row in section.splitlines():
        folder = ""
        for name in re.findall(r"`([^`]+)`", row.split("|")[1] if row.startswith("|") else ""):
            path = ROOT / folder / name if folder else ROOT / name
            assert path.exists(), f"{name} of the map is not there"
            folder = folder or name.split("/")[0]


def test_the_version_has_a_section_in_the_changelog():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(
        rf"^## {re.escape(pcakd.__version__)} - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE
    )


def _text_files():
    for top in ("pcakd", "bench", "tests", "docs", "reports"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".py", ".md", ".toml", ".tex") and "examples" not in path.parts:
                yield path
    yield from (path for path in sorted(ROOT.iterdir()) if path.suffix in (".md", ".toml", ".py"))


def test_words_are_the_fields():
    found = []
    for path in _text_files():
        name = path.relative_to(ROOT).as_posix()
        allowed = ALLOWED.get(name, set())
        if allowed is None:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            found += [
                f"{name}:{number}: {word}"
                for word in OLD_WORDS.findall(line)
                if word.lower() not in allowed
            ]
    assert not found, os.linesep.join(found[:40])
