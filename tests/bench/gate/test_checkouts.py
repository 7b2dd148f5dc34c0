"""Copies of the code of both sides, and what git does not take along."""

import subprocess

import pytest
from toy_package import commit_all, write_toy

from bench.gate.checkouts import BuildError, check_out, copy_folder


def git(folder, *arguments):
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """Return a repository with two commits, a tag and an ignored folder."""
    root = write_toy(tmp_path / "repository")
    (root / ".gitignore").write_text("runs/\n", encoding="utf-8")
    commit_all(root)
    git(root, "tag", "v1.0")
    write_toy(root, plain="wrong constant")
    commit_all(root)
    (root / "runs").mkdir()
    (root / "runs" / "mine.safetensors").write_bytes(b"weights")
    return root


def test_a_commit_is_checked_out_with_its_tags(repository, tmp_path):
    first = git(repository, "rev-parse", "HEAD~1")
    check_out(repository, first, tmp_path / "copy", {})
    assert "wrong constant" not in (tmp_path / "copy" / "toy" / "faults.py").read_text()
    assert git(tmp_path / "copy", "describe", "--tags") == "v1.0"
    assert git(tmp_path / "copy", "status", "--porcelain") == ""


def test_a_shallow_clone_has_the_commits_that_were_fetched(repository, tmp_path):
    first = git(repository, "rev-parse", "HEAD~1")
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repository}", "shallow")
    shallow = tmp_path / "shallow"
    with pytest.raises(BuildError):
        check_out(shallow, first, tmp_path / "before", {})
    git(shallow, "fetch", "--quiet", "--depth", "1", "origin", first)
    check_out(shallow, first, tmp_path / "copy", {})
    assert "wrong constant" not in (tmp_path / "copy" / "toy" / "faults.py").read_text()


def test_a_hook_of_another_repository_keeps_its_own(repository, tmp_path, monkeypatch):
    other = write_toy(tmp_path / "other")
    commit_all(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    before = (other / ".git" / "HEAD").read_text()
    monkeypatch.chdir(repository)
    command = ["git", "-C", str(repository), "--git-dir", ".git", "rev-parse", "HEAD~1"]
    first = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    check_out(repository, first, tmp_path / "copy", {})
    assert (other / ".git" / "HEAD").read_text() == before
    assert (tmp_path / "copy" / "toy" / "faults.py").exists()


def test_a_copy_is_the_working_tree_at_its_commit(repository, tmp_path):
    (repository / "toy" / "faults.py").write_text("FAULTS = {}  # changed\n")
    (repository / "pyproject.toml").unlink()
    (repository / "new.py").write_text("")
    copy_folder(repository, tmp_path / "copy", "head", {})
    for question in (("status", "--porcelain"), ("describe", "--tags", "--always")):
        assert git(tmp_path / "copy", *question) == git(repository, *question)
    assert not (tmp_path / "copy" / "runs").exists()
    assert not (tmp_path / "copy" / "pyproject.toml").exists()


def test_named_files_are_copied_even_if_git_ignores_them(repository, tmp_path):
    names = ("runs/mine.safetensors", "runs/none.safetensors", "../outside.safetensors")
    (tmp_path / "outside.safetensors").write_bytes(b"")
    copy_folder(repository, tmp_path / "a" / "copy", "head", {}, others=names)
    assert (tmp_path / "a" / "copy" / "runs" / "mine.safetensors").read_bytes() == b"weights"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["copy"]


@pytest.mark.parametrize("place", ["runs/code", "../code"])
def test_a_folder_that_git_does_not_know_is_copied_whole(repository, tmp_path, place):
    code = write_toy(repository / place)
    copy_folder(code, tmp_path / "copy", "base", {})
    assert (tmp_path / "copy" / "toy" / "models.py").exists()
    assert not (tmp_path / "copy" / ".git").exists()


def test_a_repository_without_a_commit_is_copied(tmp_path):
    code = write_toy(tmp_path / "code")
    git(code, "init", "--quiet")
    copy_folder(code, tmp_path / "copy", "head", {})
    assert (tmp_path / "copy" / "toy" / "models.py").exists()
