"""The authors' students: names and layouts are mapped exactly; other files are an error."""

import io
import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pcakd.errors import MissingExtraError, StudentFileError
from pcakd.images import load_image
from pcakd.students import load_student, save_student
from pcakd.students.authors import import_authors, read_authors_arrays

RNG = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def layer(name: str, kernel: tuple[int, ...], *, depthwise: bool = False) -> dict[str, np.ndarray]:
    kind = "depthwise_kernel" if depthwise else "kernel"
    return {
        f"{name}/{kind}": floats(*kernel),
        f"{name}/bias": floats(kernel[2 if depthwise else 3]),
    }


def numbered(name: str, *kernels: tuple[int, ...]) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for index, kernel in enumerate(kernels):
        arrays |= layer(f"{name}/layer_with_weights-{index}", kernel, depthwise=kernel[-1] == 1)
    return arrays


def bases(channels: tuple[int, ...], ranks: tuple[int, ...]) -> dict[str, np.ndarray]:
    pairs = enumerate(zip(channels, ranks, strict=True))
    return {f"sencoder/conv_aux/{tap}": floats(c, k) for tap, (c, k) in pairs}


def mobilenet() -> dict[str, np.ndarray]:
    """Return arrays of the authors' names and shapes at ranks (2, 3, 4, 5), written out by hand."""
    return {
        **bases((32, 64, 128, 256), (2, 3, 4, 5)),
        **numbered(
            "sencoder/se_model",
            *((3, 3, 3, 2), (3, 3, 2, 1), (1, 1, 2, 3), (3, 3, 3, 1)),
            *((1, 1, 3, 4), (3, 3, 4, 1), (1, 1, 4, 4), (3, 3, 4, 1)),
            *((1, 1, 4, 5), (3, 3, 5, 1), (1, 1, 5, 5), (3, 3, 5, 1)),
        ),
        **numbered("sdecoder/btnecks/0", (3, 3, 5, 3)),
        **numbered("sdecoder/btnecks/1", (3, 3, 3, 2), (3, 3, 2, 2)),
        **numbered("sdecoder/btnecks/2", (3, 3, 4, 3), (3, 3, 3, 3)),
        **numbered("sdecoder/btnecks/3", (3, 3, 5, 4), (3, 3, 4, 4)),
    }


def vgg() -> dict[str, np.ndarray]:
    """Return arrays of the authors' names and shapes at ranks (2, 3, 4, 5), written out by hand."""
    three = (3, 3, 4, 4)
    return {
        **bases((64, 128, 256, 512), (2, 3, 4, 5)),
        **numbered("sencoder/btnecks/0", (1, 1, 3, 3), (3, 3, 3, 2)),
        **numbered("sencoder/btnecks/1", (3, 3, 2, 2), (3, 3, 2, 3)),
        **numbered("sencoder/btnecks/2", (3, 3, 3, 3), (3, 3, 3, 4)),
        **numbered("sencoder/btnecks/3", three, three, three, (3, 3, 4, 5)),
        **numbered("sdecoder/btnecks/0", (3, 3, 5, 3)),
        **numbered("sdecoder/btnecks/1", (3, 3, 3, 2), (3, 3, 2, 2)),
        **numbered("sdecoder/btnecks/2", (3, 3, 4, 3), (3, 3, 3, 3)),
        **numbered("sdecoder/btnecks/3", (3, 3, 5, 4), three, three, three),
    }


FAMILIES = {"mobilenet_v1": mobilenet, "vgg19": vgg}


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


def stored(tmp_path, arrays):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    return path


def refused(path, *words):
    with pytest.raises(StudentFileError) as error:
        import_authors(path)
    text = str(error.value)
    assert "\n" not in text
    for word in (str(path), *words):
        assert word in text


def test_every_number_is_imported_once(tmp_path, family):
    arrays = FAMILIES[family]()
    student = import_authors(stored(tmp_path, arrays))
    assert student.spec.architecture == family
    assert student.spec.ranks == (2, 3, 4, 5)
    assert student.spec.colour_conv == (family == "vgg19")
    assert student.regularizer == 1.0
    rest = list(student.parameters())[2 * (family == "mobilenet_v1") :]  # its first layer differs
    ours = torch.cat([tensor.flatten() for tensor in (*rest, *student.eigenbases)])
    first = "sencoder/se_model/layer_with_weights-0/"
    theirs = np.concatenate([a.ravel() for k, a in arrays.items() if not k.startswith(first)])
    np.testing.assert_array_equal(np.sort(ours.numpy()), np.sort(theirs))
    assert not any(p.requires_grad for p in student.parameters())


def test_mobilenet_input_scaling_is_part_of_the_first_layer(tmp_path):
    arrays = mobilenet()
    state = import_authors(stored(tmp_path, arrays)).state_dict()
    theirs = [arrays[f"sencoder/se_model/layer_with_weights-0/{n}"] for n in ("kernel", "bias")]
    patch = RNG.random((3, 3, 3)).astype(np.float32)  # rows, columns, colours
    expected = np.einsum("ijc,ijco->o", 2 * patch - 1, theirs[0]) + theirs[1]
    weight, bias = (state[f"encoder.blocks.0.0.conv.{n}"].numpy() for n in ("weight", "bias"))
    products = 2 * np.einsum("ijc,ijco->o", 2 * patch + 1, abs(theirs[0])) + abs(theirs[1])
    rounding = np.finfo(np.float32).eps * 28 * products.max()  # of a sum of 27 products and a bias
    found = np.einsum("ijc,ocij->o", patch, weight) + bias
    np.testing.assert_allclose(found, expected, rtol=0, atol=rounding)


def test_layers_are_numbered_not_spelt(tmp_path):
    """Layer 10 follows layer 9, not layer 1."""
    arrays = mobilenet()
    student = import_authors(stored(tmp_path, arrays))
    weight = student.state_dict()["encoder.blocks.3.2.conv.weight"]
    kernel = arrays["sencoder/se_model/layer_with_weights-10/kernel"]
    np.testing.assert_array_equal(weight[:, :, 0, 0].numpy(), kernel[0, 0].T)


def test_kernels_are_transposed(tmp_path):
    arrays = mobilenet()
    state = import_authors(stored(tmp_path, arrays)).state_dict()
    dense = arrays["sdecoder/btnecks/2/layer_with_weights-0/kernel"]
    deep = arrays["sencoder/se_model/layer_with_weights-1/depthwise_kernel"]
    assert state["decoder.blocks.2.0.conv.weight"][1, 3, 0, 2] == dense[0, 2, 3, 1]
    assert state["encoder.blocks.1.0.conv.weight"][1, 0, 2, 0] == deep[2, 0, 1, 0]


def test_import_round_trips_as_a_student_file(tmp_path, family):
    student = import_authors(stored(tmp_path, FAMILIES[family]()))
    save_student(tmp_path / "s.safetensors", student)
    loaded = load_student(tmp_path / "s.safetensors")
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.reconstruct(image), student.reconstruct(image))
    assert loaded.card == student.card


@pytest.mark.parametrize(
    "name", ["sencoder/conv_aux/2", "sdecoder/btnecks/3/layer_with_weights-1/bias"]
)
def test_missing_misshaped_and_extra_arrays(tmp_path, family, name):
    arrays = FAMILIES[family]()
    kept = arrays.pop(name)
    refused(stored(tmp_path, arrays), name, "absent")
    refused(stored(tmp_path, arrays | {name: kept[:-1]}), name)
    refused(stored(tmp_path, arrays | {name: kept, "sencoder/odd": floats(2)}), "sencoder/odd")


def test_numbers_that_are_no_finite_floats(tmp_path):
    arrays = vgg()
    name = "sencoder/btnecks/1/layer_with_weights-0/bias"
    broken = arrays[name].copy()
    broken[0] = np.nan
    refused(stored(tmp_path, arrays | {name: broken}), name, "not finite")
    refused(stored(tmp_path, arrays | {name: np.arange(2)}), name, "floats")


def test_hostile_files(tmp_path):
    path = stored(tmp_path, mobilenet())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refused(path, "cannot be read")
    path.write_text("not an archive")
    refused(path, "cannot be read")
    path.write_bytes(b"")
    refused(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    refused(path)
    np.savez(path, a=np.array([{"pickled": 1}], dtype=object))
    refused(path, "cannot be read")
    np.savez_compressed(path, a=np.zeros(20_000_000, dtype=np.float32))
    refused(path, "more than")
    refused(tmp_path / "none.npz", "does not exist")


def test_a_single_array_is_no_student(tmp_path):
    stream = io.BytesIO()
    np.save(stream, floats(3))
    (tmp_path / "a.npz").write_bytes(stream.getvalue())
    refused(tmp_path / "a.npz")


class FakeReader:
    """A checkpoint reader as TensorFlow has it, over arrays in memory."""

    def __init__(self, arrays):
        self.arrays = {f"{name}/.ATTRIBUTES/VARIABLE_VALUE": a for name, a in arrays.items()}
        self.arrays["_CHECKPOINTABLE_OBJECT_GRAPH"] = b"graph"
        self.arrays["save_counter/.ATTRIBUTES/VARIABLE_VALUE"] = np.int64(1)

    def get_variable_to_shape_map(self):
        return {key: np.shape(value) for key, value in self.arrays.items()}

    def get_tensor(self, key):
        return self.arrays[key]


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "ckpts"
    folder.mkdir()
    for part in ("sencoder", "sdecoder"):
        (folder / f"{part}.index").write_bytes(b"")
    return folder


def test_checkpoint_folder_reads_like_the_archive(tmp_path, checkpoint, monkeypatch, family):
    arrays = FAMILIES[family]()

    def load_checkpoint(prefix):
        part = prefix.rsplit("/", 1)[-1]
        own = {k.removeprefix(f"{part}/"): a for k, a in arrays.items() if k.startswith(part)}
        return FakeReader(own)

    fake = SimpleNamespace(train=SimpleNamespace(load_checkpoint=load_checkpoint))
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    found = read_authors_arrays(checkpoint)
    expected = read_authors_arrays(stored(tmp_path, arrays))
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in found)


def test_checkpoint_that_tensorflow_refuses(checkpoint, monkeypatch):
    def load_checkpoint(prefix):
        raise RuntimeError("bad\nmagic number")

    fake = SimpleNamespace(train=SimpleNamespace(load_checkpoint=load_checkpoint))
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    refused(checkpoint, "bad magic number")


def test_checkpoint_without_tensorflow(checkpoint, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[tf\]'"):
        import_authors(checkpoint)


def test_folder_that_is_no_checkpoint(tmp_path):
    refused(tmp_path, "sencoder.index")


@pytest.mark.weights
@pytest.mark.parametrize(
    ("name", "deployed", "eigenbases"),
    [("vgg19", 283_236, 50_816), ("mobilenet_v1", 52_742, 20_096)],
)
def test_released_students(data_folder, name, deployed, eigenbases):
    student = import_authors(data_folder / "reference" / f"pcakd_{name}.npz")
    assert student.num_params == deployed
    assert student.num_eigenbasis_params == eigenbases
    photo = load_image(min((data_folder / "photos" / "val").iterdir()))[None, :, :224, :224]
    with torch.inference_mode():
        error = (student.reconstruct(photo) - photo).square().mean()
    assert error < 10**-2.6  # the autoencoder was trained to reconstruct: 26 dB or more


@pytest.mark.weights
@pytest.mark.parametrize("name", ["vgg19", "mobilenet_v1"])
def test_released_checkpoints_hold_the_same_numbers(data_folder, name):
    pytest.importorskip("tensorflow")
    folder = data_folder / "reference"
    archive = read_authors_arrays(folder / f"pcakd_{name}.npz")
    checkpoint = read_authors_arrays(folder / f"pcakd_{name}_tf")
    assert archive.keys() == checkpoint.keys()
    assert all(np.array_equal(archive[key], checkpoint[key]) for key in archive)
