"""A run's folder belongs to one run, and bad input leaves none behind."""

import errno
import shutil
import subprocess
import sys

import pytest
from filelock import FileLock

from pcakd.distillation.run_files.lock import claim_output
from pcakd.errors import ConfigError, OutputError, TrainingError

HOLD = """
import sys
from pathlib import Path
from pcakd.distillation.run_files.lock import claim_output
with claim_output(Path(sys.argv[1]), resume=False):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_claimed_by_one_process_until_it_is_killed(tmp_path):
    folder = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        for resume in (False, True):
            with (
                pytest.raises(TrainingError, match="another run writes into"),
                claim_output(folder, resume=resume),
            ):
                pass
        assert folder.is_dir()
        holder.kill()
        holder.wait()
    (folder / ".losses.csv.xyz.part").touch()
    with claim_output(folder, resume=True):
        assert not list(folder.glob(".*.part"))


def test_a_process_claims_a_folder_within_its_own_claim(tmp_path):
    folder = tmp_path / "run"
    with claim_output(folder, resume=False):
        with claim_output(folder, resume=False):
            pass
        other = FileLock(folder / ".pcakd.lock", timeout=0)
        with pytest.raises(TimeoutError):
            other.acquire()
    with other:
        assert other.is_locked


def test_only_new_and_empty_folders_are_removed(tmp_path):
    def claim_and_fail(folder, write):
        with claim_output(folder, resume=False):
            if write:
                (folder / write).touch()
            raise ConfigError("bad input")

    def fail(folder, write=None):
        with pytest.raises(ConfigError):
            claim_and_fail(folder, write)

    fail(tmp_path / "new" / "deep" / "run")
    assert not [*tmp_path.iterdir()]
    (tmp_path / "old").mkdir()
    fail(tmp_path / "old")
    assert (tmp_path / "old").is_dir()
    fail(tmp_path / "used", "losses.csv")
    assert (tmp_path / "used" / "losses.csv").is_file()


def test_an_error_inside_is_raised_even_if_the_folder_is_gone(tmp_path):
    def lose(folder):
        with claim_output(folder, resume=False):
            shutil.rmtree(folder)
            raise ConfigError("bad input")

    with pytest.raises(ConfigError):
        lose(tmp_path / "run")


def test_a_place_without_locks_is_refused_and_left_as_it_was(tmp_path, monkeypatch):
    def fail(lock):
        raise OSError(errno.EOPNOTSUPP, "no locks here")

    monkeypatch.setattr(FileLock, "acquire", fail)
    with (
        pytest.raises(OutputError, match=r"cannot lock .* another file system"),
        claim_output(tmp_path / "run", resume=False),
    ):
        pass
    assert not (tmp_path / "run").exists()


def test_places_that_cannot_be_folders_are_refused(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="cannot write into"),
        claim_output(tmp_path / "file" / "run", resume=False),
    ):
        pass
