"""Teachers of other packages: ``python:package.module:factory``.

A factory takes no argument and returns a network that maps RGB images in [0, 1], ``b × 3 × h × w``,
to features, and the names of four of its submodules, whose outputs are the taps:
``return model, ("layer1", "layer2", "layer3", "layer4")``. Preprocessing is the network's own part.
It can return a `pcakd.backbones.Backbone` instead.
"""

from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from pcakd.backbones.interface import Backbone, WholeBackbone
from pcakd.errors import ConfigError
from pcakd.utils.factories import PREFIX, call_factory, describe_error, import_factory

_NUM_TAPS = 4
_MOST_STRIDE = 16
_STEPS = (1, 2, 4)
_PROBE = 64


class TappedModel(nn.Module):
    """A network whose result is the outputs of some of its submodules.

    Args:
        model: The network.
        taps: Names of the submodules.
    """

    def __init__(self, model: nn.Module, taps: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self._found: dict[str, Tensor] = {}
        self._taps = tuple(taps)
        for name in self._taps:
            # not a closure: a copy of this network needs hooks of its own
            model.get_submodule(name).register_forward_hook(partial(self._keep, name))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Run the network and return the outputs of the submodules."""
        self._found.clear()
        self.model(image)
        taps = [self._found[name] for name in self._taps]
        self._found.clear()
        return taps

    def _keep(self, name: str, module: nn.Module, inputs: object, output: Tensor) -> None:
        del module, inputs
        # a copy: a later activation may work in place
        self._found[name] = output.clone() if isinstance(output, Tensor) else output


def create_custom(name: str) -> Backbone:
    """Build a frozen teacher from a factory of another package.

    Args:
        name: ``python:package.module:factory``.

    Raises:
        UnknownNameError: The module or the factory does not exist.
        ConfigError: The factory fails, returns something else, or its network has no four taps.
    """
    label = f"backbone {name!r}"
    factory = import_factory(label, name.removeprefix(PREFIX), program="pcakd")
    made = call_factory(label, factory)
    if isinstance(made, Backbone):
        if len(made.taps) != _NUM_TAPS or len(made.widths) != _NUM_TAPS:
            raise ConfigError(f"{label}: its backbone has {len(made.taps)} taps; four are needed")
        made.name = name
        return made.eval().requires_grad_(False)
    match made:
        case (nn.Module() as model, (str(), str(), str(), str()) as taps):
            return _wrap(name, model, taps)
    raise ConfigError(
        f"{label}: the factory returned {type(made).__name__}; expected a network and the names of "
        "four of its submodules, or a pcakd.backbones.Backbone"
    )


@lru_cache(maxsize=8)
def describe_custom(name: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the taps of ``python:package.module:factory`` and their channels.

    Raises:
        UnknownNameError: The module or the factory does not exist.
        ConfigError: The factory fails, returns something else, or its network has no four taps.
    """
    backbone = create_custom(name)
    return backbone.taps, backbone.widths


def _wrap(name: str, model: nn.Module, taps: Sequence[str]) -> Backbone:
    known = dict(model.named_modules())
    if missing := [tap for tap in taps if tap not in known]:
        raise ConfigError(f"backbone {name!r}: its network has no submodule {missing[0]!r}")
    tapped = TappedModel(model.eval(), taps)
    image = torch.rand(1, 3, _PROBE, _PROBE, generator=torch.Generator().manual_seed(0))
    weight = next(model.parameters(), None)
    if weight is None:
        raise ConfigError(f"backbone {name!r}: its network has no parameters")
    try:
        with torch.inference_mode():
            found = tapped(image.to(weight))
    except Exception as error:  # models can raise anything
        raise ConfigError(
            f"backbone {name!r} cannot run on {_PROBE} × {_PROBE} pixels: {describe_error(error)}"
        ) from error
    strides = []
    for tap, features in zip(taps, found, strict=True):
        if not isinstance(features, Tensor) or features.dim() != 4:
            raise ConfigError(f"backbone {name!r}: {tap} returns no map of features (b, c, h, w)")
        strides.append(_PROBE / features.shape[-1])
    steps = [after / before for before, after in pairwise((1.0, *strides))]
    if strides[-1] > _MOST_STRIDE or any(step not in _STEPS for step in steps):
        shown = ", ".join(f"{stride:g}" for stride in strides)
        raise ConfigError(
            f"backbone {name!r} has taps at strides {shown}; they must reach at most "
            f"{_MOST_STRIDE}, each 1, 2 or 4 times the one before"
        )
    return WholeBackbone(
        name=name,
        taps=taps,
        widths=[features.shape[1] for features in found],
        strides=[int(stride) for stride in strides],
        blocks=[tapped],
    )
