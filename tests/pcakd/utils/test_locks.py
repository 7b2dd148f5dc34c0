"""A folder belongs to one process, and bad input leaves none behind."""

import errno
import shutil
import subprocess
import sys

import pytest
from filelock import FileLock

from pcakd.errors import ConfigError, OutputError
from pcakd.utils.locks import LOCK_NAME, lock_folder

HOLD = """
import sys
from pathlib import Path
from pcakd.utils.locks import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_locked_by_one_process_until_it_is_killed(tmp_path):
    folder = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(OutputError, match="another run writes into") as error,
            lock_folder(folder),
        ):
            pass
        assert "\n" not in str(error.value)
        assert folder.is_dir()
        holder.kill()
        holder.wait()
    with lock_folder(folder):
        assert (folder / LOCK_NAME).exists()


def test_a_process_locks_a_folder_again_that_it_has_locked(tmp_path):
    folder = tmp_path / "run"
    with lock_folder(folder):
        with lock_folder(folder):
            pass
        other = FileLock(folder / LOCK_NAME, timeout=0)
        with pytest.raises(TimeoutError):
            other.acquire()
    with other:
        assert other.is_locked


def test_only_new_and_empty_folders_are_removed(tmp_path):
    def lock_and_fail(folder, write):
        with lock_folder(folder):
            if write:
                (folder / write).touch()
            raise ConfigError("bad input")

    def fail(folder, write=None):
        with pytest.raises(ConfigError):
            lock_and_fail(folder, write)

    fail(tmp_path / "new" / "deep" / "run")
    assert not [*tmp_path.iterdir()]
    (tmp_path / "old").mkdir()
    fail(tmp_path / "old")
    assert not [*(tmp_path / "old").iterdir()]
    fail(tmp_path / "used", "losses.csv")
    assert (tmp_path / "used" / "losses.csv").is_file()


def test_an_error_inside_is_raised_even_if_the_folder_is_gone(tmp_path):
    def lose(folder):
        with lock_folder(folder):
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
        lock_folder(tmp_path / "run"),
    ):
        pass
    assert not (tmp_path / "run").exists()


def test_places_that_cannot_be_folders_are_refused(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="cannot write into"),
        lock_folder(tmp_path / "file" / "run"),
    ):
        pass
