import pytest
import torch

from pcakd.eigenbases import Eigenbasis, load_eigenbases, save_eigenbases
from pcakd.errors import PcakdError


def _eigenbasis(rank):
    return Eigenbasis(
        basis=torch.eye(7)[:, :rank].contiguous(),
        eigenvalues=torch.arange(7, 0, -1, dtype=torch.float64),
        mcev=rank / 7,
        explained=rank / 8,
    )


def test_files_round_trip(tmp_path):
    fitted = [_eigenbasis(rank) for rank in (1, 2, 3, 4)]
    path = tmp_path / "bases.safetensors"
    save_eigenbases(path, fitted, channel_means=[torch.ones(7)], card={"a": 1})
    again, means, card = load_eigenbases(path)
    assert [e.rank for e in again] == [1, 2, 3, 4]
    assert all(torch.equal(a.basis, b.basis) for a, b in zip(again, fitted, strict=True))
    assert [(e.mcev, e.explained) for e in again] == [(e.mcev, e.explained) for e in fitted]
    assert len(means) == 1
    assert card == {"a": 1}


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "bases.safetensors"
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(PcakdError, match="cannot be read as safetensors"):
        load_eigenbases(path)
