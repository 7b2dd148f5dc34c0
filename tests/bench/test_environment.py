"""A record's environment is complete, and the state of the code is told truly."""

import json
import subprocess

import pytest
import torch

from bench.environment import describe_environment, git_state, hash_edits


def test_environment_is_json_and_names_the_processor():
    environment = describe_environment(torch.device("cpu"))
    assert json.loads(json.dumps(environment)) == environment
    assert environment["threads"] == torch.get_num_threads()
    assert environment["device_name"] == environment["cpu"] != ""


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
    clean = hash_edits(repository)
    (repository / "code.py").write_text("2")
    assert git_state(repository) == (commit, True)
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
