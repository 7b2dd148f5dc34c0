"""VGG-16 and VGG-19 up to relu4_1, with reflection padding as in the authors' code.

Source: Simonyan and Zisserman, ICLR 2015. Departure: padding by reflection, as in PhotoWCT
and PCA-KD. Zeros would add a dark frame to the style statistics.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from pcakd.backbones.interface import Backbone, PaddedConv, ScaleInput
from pcakd.errors import WeightsError
from pcakd.weights import WeightsCard

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
WIDTHS = (64, 128, 256, 512)
STRIDES = (1, 2, 4, 8)

# torchvision's indices of the convolutions of each block; a pooling precedes the last one
_CONVS = {
    "vgg16": ((0,), (2, 5), (7, 10), (12, 14, 17)),
    "vgg19": ((0,), (2, 5), (7, 10), (12, 14, 16, 19)),
}
_CONVS_BY_WIDTH = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256)}


def create_vgg(name: str, tensors: Mapping[str, Tensor], card: WeightsCard | None) -> Backbone:
    """Build VGG-16 or VGG-19 from tensors with torchvision's names.

    Args:
        name: ``vgg16`` or ``vgg19``.
        tensors: ``features.N.weight`` and ``features.N.bias``.
        card: Where the tensors come from.

    Raises:
        WeightsError: A tensor is missing or has another shape.
    """
    blocks = [_block(name, tensors, convs) for convs in _CONVS[name]]
    blocks[0].insert(0, ScaleInput(IMAGENET_MEAN, IMAGENET_STD))
    return Backbone(name=name, taps=TAPS, widths=WIDTHS, strides=STRIDES, blocks=blocks, card=card)


def _block(name: str, tensors: Mapping[str, Tensor], convs: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = [_conv(name, tensors, index) for index in convs]
    if len(layers) > 1:
        layers.insert(-1, nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def _conv(name: str, tensors: Mapping[str, Tensor], index: int) -> PaddedConv:
    expected = _shape(name, index)
    weight, bias = (tensors.get(f"features.{index}.{kind}") for kind in ("weight", "bias"))
    if weight is None or bias is None or weight.shape != expected or bias.shape != expected[:1]:
        found = "absent" if weight is None else tuple(weight.shape)
        raise WeightsError(
            f"{name} weights: features.{index} should be {expected}, is {found}; use another file"
        )
    return PaddedConv(weight, bias)


def _shape(name: str, index: int) -> tuple[int, int, int, int]:
    last = _CONVS[name][3][-1]
    wide_in, wide_out = _CONVS_BY_WIDTH.get(index, (256, 512 if index == last else 256))
    return (wide_out, wide_in, 3, 3)


def tap_pairs(backbone: Backbone) -> list[tuple[PaddedConv, PaddedConv | None]]:
    """Return for each tap the convolution that ends there and the next one (None at the last)."""
    convs = [_convs(block) for block in backbone.blocks]
    readers: list[PaddedConv | None] = [layers[0] for layers in convs[1:]]
    return list(zip((layers[-1] for layers in convs), [*readers, None], strict=True))


def _convs(block: nn.Module) -> list[PaddedConv]:
    return [module for module in block.modules() if isinstance(module, PaddedConv)]
