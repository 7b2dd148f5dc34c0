"""A training's folder belongs to one run; a new run finds it without a checkpoint."""

import pytest
from filelock import FileLock

from pcakd.distillation.run_files.checkpoint import CHECKPOINT
from pcakd.distillation.run_files.lock import claim_output
from pcakd.errors import OutputError, TrainingError
from pcakd.utils.locks import LOCK_NAME


def test_a_checkpoint_is_continued_only_if_asked(tmp_path):
    (tmp_path / CHECKPOINT).touch()
    with (
        pytest.raises(TrainingError, match="resume it, or name another folder"),
        claim_output(tmp_path, resume=False),
    ):
        pass
    with claim_output(tmp_path, resume=True):
        pass


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_run_is_refused_and_what_a_killed_one_left_is_removed(tmp_path, resume):
    (tmp_path / ".losses.csv.xyz.part").touch()
    with (
        FileLock(tmp_path / LOCK_NAME),
        pytest.raises(OutputError, match="another run writes into"),
        claim_output(tmp_path, resume=resume),
    ):
        pass
    assert list(tmp_path.glob(".*.part"))
    with claim_output(tmp_path, resume=resume):
        assert not list(tmp_path.glob(".*.part"))
