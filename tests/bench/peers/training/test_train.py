"""Trained peers: a short training, the file that it leaves, and the subject that the file is."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from small_runs import run_jobs_here

from bench.cli import main
from bench.peers import storage
from bench.peers.fetching import describe_file
from bench.peers.registry import get_vgg_peer
from bench.peers.storage import TrainedPeer, is_peer_file, load_peer, save_peer
from bench.peers.training import train
from bench.peers.training.phase import DecoderPhase
from bench.peers.training.recipe import DecoderRecipe, four_schedules
from bench.peers.training.train import PeerRequest, train_peer
from bench.subjects import parse_subject
from bench.worker.jobs import JOBS
from pcakd.backbones.vgg import create_vgg
from pcakd.distillation import health
from pcakd.errors import StudentFileError, TrainingError
from pcakd.weights import WeightsCard, hash_tensors

_CONFIG = str(Path(__file__).parents[4] / "benchmarks.toml")
_CONVS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256)}
_CONVS |= {14: (256, 256), 17: (256, 512)}


def _random_vgg(name, **options):
    """Return a VGG-16 of random weights, in place of one whose weights are pinned."""
    del options
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for index, (k, n) in _CONVS.items():
        scale = (2 / (9 * k)) ** 0.5
        tensors[f"features.{index}.weight"] = scale * torch.randn(n, k, 3, 3, generator=generator)
        tensors[f"features.{index}.bias"] = torch.zeros(n)
    card = WeightsCard(
        backbone=name, weight_set="caffe", source="path", sha256=hash_tensors(tensors),
        verified=False, licence="none", url=None,
    )  # fmt: skip
    return create_vgg(name, tensors, card)


def _train(peer, photos, output, **changes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "MAX_RECONSTRUCTION_LOSS", float("inf"))
        patch.setattr(train, "create_backbone", _random_vgg)
        patch.setattr(DecoderPhase, "calibration_batches", 2)
        return train_peer(
            PeerRequest(
                peer=peer,
                depth="vgg16",
                weight_set=None,
                weights_path=None,
                data=photos,
                output=output,
                recipe=DecoderRecipe(
                    schedules=four_schedules(steps=[1] * 4, rates=[1e-5] * 4, batch=1, crop=32),
                    basis_images=2,
                ),
                device=torch.device("cpu"),
                **{"resume": False, **changes},
            )
        )


def _check_targets(phase, images):
    """Stand in for the regressions, which take long at these widths: compare shapes."""
    for index, layer in enumerate(phase.layers):
        for features, target in phase._regression_pairs(images, index):
            wide = features.float()  # of a teacher in bfloat16, where the processor has it
            assert layer(wide).shape == target.shape


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    val = tmp_path_factory.mktemp("val")
    for name in ("0.png", "1.png"):
        Image.open(photos / name).rotate(180).save(val / name)
    return _train("photowct2", photos, tmp_path_factory.mktemp("run") / "photowct2", val=val)


def test_a_training_leaves_weights_and_a_card(trained):
    assert trained.name == "photowct2-vgg16.safetensors"
    card = json.loads(trained.with_suffix(".json").read_text())
    assert card["encoder"] == "vgg16"
    assert [phase["block"] for phase in card["phases"]] == [1, 2, 3, 4]
    peer = load_peer(trained)
    assert (peer.name, peer.autoencoder.depth) == ("photowct2", "vgg16")
    assert is_peer_file(trained)
    # one convolution less than with VGG-19 in the encoder, and one in the decoder
    assert peer.autoencoder.num_params == 7_010_959 - 2 * 590_080


def test_a_packed_file_lies_beside_the_whole_one(trained, monkeypatch):
    monkeypatch.setattr(storage, "create_backbone", _random_vgg)
    card = json.loads(trained.with_suffix(".json").read_text())
    assert card["file"] == describe_file(trained.with_suffix(storage.PACKED))
    packed = load_peer(trained.with_suffix(storage.PACKED))
    whole = load_peer(trained)
    assert packed.card == whole.card
    assert len(card["manifest"]) == len(card["pictures"]["hashes"]) == card["photos"]["training"]
    tensors = packed.autoencoder.state_dict()
    for name, tensor in whole.autoencoder.state_dict().items():
        expected = tensor.half().float() if name.startswith("decoder.") else tensor
        torch.testing.assert_close(tensors[name], expected, rtol=1e-5, atol=1e-6)


def test_cards_hold_the_psnr_of_reconstructions(trained):
    found = json.loads(trained.with_suffix(".json").read_text())["reconstructions"]
    assert found["photos"] == found["course_photos"] == 2
    assert [row["block"] for row in found["course"]] == [1, 2, 3, 4]
    assert set(found["psnr"]) == {"1", "2", "3", "4"}
    # later blocks do not change what a level gives, and here few photographs are all
    last = {str(row["block"]): row["psnr"] for row in found["course"]}
    assert found["psnr"] == pytest.approx(last, abs=2e-3)


def test_a_trained_peer_is_a_subject_with_quality_whose_cost_is_anothers(trained):
    subject = parse_subject(str(trained))
    assert subject.name == "photowct2-vgg16"
    assert subject.has_quality
    assert not subject.has_cost
    assert subject.cost_subject == "photowct2"
    image = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0))
    output = subject.prepare()(image, image)
    assert output.shape == image.shape
    assert subject.hash != parse_subject("photowct2").hash


def test_only_the_one_whose_cost_it_has_is_profiled_or_searched(
    trained, monkeypatch, capsys, tmp_path
):
    run_jobs_here(monkeypatch, JOBS)
    for arguments in (
        ["profile", str(trained), "--resolution", "48x32", "--no-trace"],
        ["pair", str(trained), "content", "--resolution", "48x32"],
        ["capacity", f"content,{trained}", "--memory", "1GiB", "--config", _CONFIG],
    ):
        assert main([*arguments, "--device", "cpu", "--out", str(tmp_path)]) == 2
        error = capsys.readouterr().err
        assert "photowct2-vgg16 has the cost of photowct2, only its quality differs" in error
        assert list(tmp_path.iterdir()) == []


# with regressions and natural gradients photowct2 is trained, above
@pytest.mark.parametrize("peer", ["wct2-cat5", "wct2-sum", "photowct"])
def test_every_peer_can_be_trained(photos, tmp_path, monkeypatch, peer):
    monkeypatch.setattr(DecoderPhase, "_regress", _check_targets)
    monkeypatch.setattr(
        DecoderPhase, "create_optimizer", lambda _, groups: torch.optim.Adam(groups)
    )
    subject = parse_subject(str(_train(peer, photos, tmp_path / "run")))
    assert (subject.name, subject.cost_subject) == (f"{peer}-vgg16", peer)
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    output = subject.prepare()(image, image)
    assert output.shape == image.shape
    assert output.std() > 0.01


def test_the_encoder_is_the_normalized_teacher(trained):
    network = load_peer(trained).autoencoder
    colour = network.encoder.layers(1)[0].conv
    grey = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    torch.testing.assert_close(colour(grey), torch.zeros(1, 3, 1, 1), atol=1e-6, rtol=0)


def test_the_file_comes_back_as_it_went(tmp_path):
    network = get_vgg_peer("wct2-sum").create_seeded(seed=3)
    path = tmp_path / "peer.safetensors"
    save_peer(path, TrainedPeer(name="wct2-sum", autoencoder=network, card={"a": 1}))
    loaded = load_peer(path)
    assert loaded.card == {"a": 1}
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, loaded.autoencoder.state_dict()[name])


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"pcakd": "[]"},
        {"pcakd": '{"format": "pcakd-peer", "version": 2, "peer": "x", "depth": "vgg16"}'},
        {"pcakd": '{"format": "pcakd-peer", "version": 9, "peer": "photowct2", "card": {}}'},
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, header):
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata=header)
    with pytest.raises(StudentFileError, match="no trained peer"):
        load_peer(path)


def test_a_file_of_other_shapes_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    header = {"format": "pcakd-peer", "version": 2, "peer": "photowct2", "depth": "vgg16"}
    save_file({"a": torch.zeros(1)}, path, metadata={"pcakd": json.dumps(header | {"card": {}})})
    with pytest.raises(StudentFileError, match=r"should be absent|is absent"):
        load_peer(path)
    assert not is_peer_file(tmp_path / "missing.safetensors")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["no-peer"], "peer 'no-peer' is not known"),
        (["photowct2", "--loss-weights", "1,2"], "takes three numbers like 1,2,3"),
        (["photowct2", "--crop", "100"], "crop must be a multiple of 16"),
        (["photowct2", "--rate", "1e-3,1e-3"], "takes one number, or four"),
        (["photowct2", "--rate", "fast"], "takes one number, or four"),
        (["photowct2", "--rate", "nan"], "must be finite"),
        (["cap-vstnet"], "cap-vstnet is not trained here; trainable: "),
        (["photowct2", "--val", "no-folder"], "no-folder"),
    ],
)
def test_bad_options_of_the_command_are_one_line(photos, tmp_path, capsys, extra, message):
    arguments = ["train", *extra, "--data", str(photos), "-o", str(tmp_path / "run")]
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, "--seed", "-1"])
    assert not (tmp_path / "run").exists()


def test_the_photographs_folder_is_no_output(tmp_path):
    with pytest.raises(TrainingError, match="is the folder of the photographs"):
        _train("photowct2", tmp_path, tmp_path)
    assert not list(tmp_path.iterdir())
