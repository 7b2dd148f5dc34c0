"""The commit of the code and whether files differ from it."""

import subprocess

import pytest

from pcakd.utils.git import git_state, hash_edits, name_commit


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        subprocess.run(command, check=True)

    git("init", "-q")
    (tmp_path / "code.py").write_text("1")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "a.md").write_text("1")
    git("add", ".")
    git("commit", "-qm", "x")
    return tmp_path


def test_clean_dirty_and_reports(repository):
    commit, dirty = git_state(repository)
    assert len(commit) == 40
    assert dirty is False
    (repository / "reports" / "a.md").write_text("2")
    assert git_state(repository) == (commit, False)
    assert name_commit(repository) == commit
    clean = hash_edits(repository)
    (repository / "code.py").write_text("2")
    assert git_state(repository) == (commit, True)
    assert name_commit(repository) == f"{commit}-dirty"
    (repository / "code.py").write_text("3")
    three = hash_edits(repository)
    (repository / "code.py").write_text("2")
    assert len({clean, three, hash_edits(repository)}) == 3
    (repository / "code.py").write_text("3")
    assert hash_edits(repository) == three
    (repository / "code.py").write_bytes(b"\xe9")  # no UTF-8
    assert hash_edits(repository) not in {clean, three}


def test_outside_a_repository(tmp_path, repository):
    (repository / "inner").mkdir()
    assert git_state(repository / "inner") == (None, None)


def test_no_repository(tmp_path):
    assert git_state(tmp_path / "missing") == (None, None)
    assert name_commit(tmp_path / "missing") is None
