"""torchvision's MobileNet-V2 up to features.13, with its batch norms.

Source: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018. Taps
are the last linear bottlenecks at strides 2 to 16; their values have both signs.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pcakd.backbones.interface import Backbone, ScaleInput
from pcakd.backbones.vgg import IMAGENET_MEAN, IMAGENET_STD
from pcakd.errors import WeightsError
from pcakd.utils.extras import require_extra
from pcakd.weights import WeightsCard

TAPS = ("features.1", "features.3", "features.6", "features.13")
WIDTHS = (16, 24, 32, 96)
STRIDES = (2, 4, 8, 16)
_ENDS = (2, 4, 7, 14)  # of the blocks, as slices of torchvision's features


def create_mobilenet_v2(tensors: Mapping[str, Tensor], card: WeightsCard | None) -> Backbone:
    """Build the teacher from tensors with torchvision's names.

    Args:
        tensors: ``features.0.0.weight``, ``features.0.1.{weight,bias,running_mean,running_var}``, …
        card: Where the tensors come from.

    Raises:
        WeightsError: A tensor is missing or has another shape.
    """
    models = require_extra("train", "torchvision.models", "backbone mobilenet_v2")
    with torch.random.fork_rng(
        devices=[]
    ):  # torchvision draws random weights, which are then replaced
        features = models.mobilenet_v2(weights=None).features[: _ENDS[-1]]
    state = features.state_dict()
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        given = tensors.get(f"features.{name}")
        if given is None or given.shape != tensor.shape:
            found = "absent" if given is None else tuple(given.shape)
            raise WeightsError(
                f"mobilenet_v2 weights: features.{name} should be {tuple(tensor.shape)}, "
                f"is {found}; use another file"
            )
        tensor.copy_(given)
    blocks: list[nn.Module] = [
        features[start:end] for start, end in zip((0, *_ENDS), _ENDS, strict=False)
    ]
    blocks[0] = nn.Sequential(ScaleInput(IMAGENET_MEAN, IMAGENET_STD), *blocks[0].children())
    return Backbone(
        name="mobilenet_v2", taps=TAPS, widths=WIDTHS, strides=STRIDES, blocks=blocks, card=card
    )
