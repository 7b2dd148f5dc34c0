import pytest
import torch

from pcakd.analysis.spool import COVARIANCES, CovarianceSpool, TapMoments
from pcakd.errors import ConfigError, OutputError

WIDTHS = (2, 3, 4, 5)


def _taps(seed):
    generator = torch.Generator().manual_seed(seed)
    taps = []
    for width in WIDTHS:
        pixels = torch.randn(width, 50, generator=generator, dtype=torch.float64)
        mean = pixels.mean(dim=1)
        centred = pixels - mean[:, None]
        taps.append(TapMoments(mean=mean, covariance=centred @ centred.mT / 50))
    return taps


def _spool(folder, **settings):
    return CovarianceSpool(folder, widths=WIDTHS, settings={"backbone": "toy"} | settings)


@pytest.fixture
def filled(tmp_path):
    spool = _spool(tmp_path)
    for seed in range(3):
        spool.append(_taps(seed))
    return spool


def test_moments_come_back_to_the_precision_of_the_file(filled):
    assert len(filled) == 3
    for tap in (1, 2, 3, 4):
        for seed, moments in enumerate(filled.read(tap)):
            expected = _taps(seed)[tap - 1]
            torch.testing.assert_close(moments.mean, expected.mean, rtol=1e-7, atol=0)
            torch.testing.assert_close(moments.covariance, expected.covariance, rtol=1e-6, atol=0)


def test_photographs_come_in_any_order(filled):
    means = [moments.mean for moments in filled.read(2)]
    backwards = [moments.mean for moments in filled.read(2, order=(2, 0))]
    assert torch.equal(torch.stack(backwards), torch.stack([means[2], means[0]]))


def test_a_scale_divides_features(filled):
    scale = torch.tensor([2.0, 4.0, 8.0], dtype=torch.float64)
    for plain, scaled in zip(filled.read(2), filled.read(2, scale=scale), strict=True):
        assert torch.equal(scaled.mean * scale, plain.mean)
        assert torch.equal(scaled.covariance * scale * scale[:, None], plain.covariance)


def test_a_record_that_a_kill_has_cut_short_is_dropped(filled, tmp_path):
    whole = (tmp_path / COVARIANCES).read_bytes()
    (tmp_path / COVARIANCES).write_bytes(whole[:-5])
    again = _spool(tmp_path)
    assert len(again) == 2
    again.append(_taps(2))
    assert (tmp_path / COVARIANCES).read_bytes() == whole


def test_records_of_other_settings_are_not_continued(filled, tmp_path):
    with pytest.raises(ConfigError, match="other settings or photographs"):
        _spool(tmp_path, backbone="other")
    assert len(_spool(tmp_path)) == 3


def test_a_full_disk_is_one_line_and_leaves_whole_records(filled, tmp_path, monkeypatch):
    from pathlib import Path

    real = Path.open

    def full(self, mode="r", *args, **kwargs):
        stream = real(self, mode, *args, **kwargs)
        if mode == "ab":
            real_write = stream.write

            class Full:
                def __enter__(self):
                    return self

                def __exit__(self, *exc):
                    stream.close()

                def write(self, content):
                    real_write(content[:10])
                    stream.flush()
                    raise OSError(28, "No space left on device")

            return Full()
        return stream

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(OutputError, match="No space left"):
            filled.append(_taps(3))
    assert (tmp_path / COVARIANCES).stat().st_size == 3 * filled.record_bytes


def test_removing_leaves_nothing(filled, tmp_path):
    filled.remove()
    assert not list(tmp_path.iterdir())
    assert not list(_spool(tmp_path).read(1))
