"""Downloads of published weights: checksums, tensors only, failures."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pcakd.errors import WeightsError
from pcakd.weights import (
    get_weight_set,
    publishers,
)

VGG = get_weight_set("vgg16", "caffe")


def test_download_with_the_wrong_checksum_is_refused(vgg_file, monkeypatch):
    def download(url, destination, progress):
        assert url == VGG.url
        Path(destination).write_bytes(vgg_file.read_bytes())

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(WeightsError, match="MD5"):
        publishers.fetch_published(VGG, progress=False)
    tensors = publishers.fetch_published(replace(VGG, md5=None), progress=False)
    assert set(VGG.shapes) <= set(tensors)


def test_torchvision_loads_tensors_only(monkeypatch, capsys):
    asked = {}

    def fetch(url, **options):
        asked.update(options, url=url)
        print("Downloading")
        return {"features.0.bias": torch.zeros(1), "_metadata": "no tensor"}

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    entry = get_weight_set("vgg19", "torchvision")
    assert set(publishers.fetch_published(entry, progress=True)) == {"features.0.bias"}
    assert asked["url"] == entry.url
    assert asked["weights_only"]
    assert asked["check_hash"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("failure", [OSError("unreachable"), RuntimeError("invalid hash value")])
@pytest.mark.parametrize("names", [("vgg19", "torchvision"), ("vgg19", "caffe")])
def test_publisher_failures(names, failure, monkeypatch):
    def fail(*_, **__):
        raise failure

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(WeightsError, match=str(failure)):
        publishers.fetch_published(get_weight_set(*names), progress=False)
