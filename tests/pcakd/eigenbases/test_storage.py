import pytest
import torch

from pcakd.eigenbases import (
    Eigenbasis,
    SpectraFile,
    Spectrum,
    load_eigenbases,
    load_spectra,
    save_eigenbases,
    save_spectra,
)
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


def _spectrum(width, **changes):
    generator = torch.Generator().manual_seed(width)
    fields = {
        "components": torch.linalg.qr(torch.randn(width, width, generator=generator))[0],
        "eigenvalues": torch.arange(width, 0, -1, dtype=torch.float64),
        "mcev_curve": torch.linspace(0.5, 1.0, width, dtype=torch.float64),
    }
    return Spectrum(**fields | changes)


CARD = {"photographs": 3, "tensors": "0a"}


def test_spectra_round_trip(tmp_path):
    spectra = tuple(_spectrum(width) for width in (3, 4, 5, 6))
    means = tuple(torch.ones(width) for width in (3, 4, 5, 6))
    path = tmp_path / "spectra.safetensors"
    save_spectra(path, SpectraFile(spectra=spectra, channel_means=means, card=CARD))
    again = load_spectra(path)
    assert again.card == CARD
    assert all(map(torch.equal, again.channel_means, means))
    for one, other in zip(again.spectra, spectra, strict=True):
        assert torch.equal(one.components, other.components)
        assert torch.equal(one.eigenvalues, other.eigenvalues)
        assert torch.equal(one.mcev_curve, other.mcev_curve)


@pytest.mark.parametrize(
    ("changes", "card"),
    [
        ({"components": torch.zeros(6, 6)}, CARD),
        ({"components": torch.eye(6).double()}, CARD),
        ({"components": torch.eye(5)}, CARD),
        ({"eigenvalues": torch.arange(6.0).double()}, CARD),
        ({"eigenvalues": torch.zeros(6).double()}, CARD),
        ({"mcev_curve": torch.linspace(1.0, 0.5, 6).double()}, CARD),
        ({"mcev_curve": torch.ones(4).double()}, CARD),
        ({}, {}),
        ({}, {"photographs": "many", "tensors": "0a"}),
    ],
)
def test_other_spectra_are_refused(tmp_path, changes, card):
    spectra = (*(_spectrum(width) for width in (3, 4, 5)), _spectrum(6, **changes))
    path = tmp_path / "spectra.safetensors"
    save_spectra(path, SpectraFile(spectra=spectra, channel_means=(), card=card))
    with pytest.raises(PcakdError, match="not a file of spectra") as caught:
        load_spectra(path)
    assert "\n" not in str(caught.value)


def test_eigenbases_are_no_spectra(tmp_path):
    path = tmp_path / "bases.safetensors"
    save_eigenbases(path, [_eigenbasis(rank) for rank in (1, 2, 3, 4)], card={})
    with pytest.raises(PcakdError, match="`pcakd analyze` makes one"):
        load_spectra(path)
