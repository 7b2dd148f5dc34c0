"""Teachers from timm, ``timm/NAME``: models that timm builds with ``features_only``.

The taps are the first four levels of features. The stride of the last one is at most 16, because
students pad images to a multiple of it. timm is an optional dependency (extra ``timm``). Weights
come from safetensors or from a set of `pcakd.weights` and are checked tensor by tensor; timm's own
loading is not used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pcakd.backbones.interface import Backbone, ScaleInput, WholeBackbone
from pcakd.backbones.timm_weights import fill_model, load_timm_weights
from pcakd.backbones.vgg import IMAGENET_MEAN, IMAGENET_STD
from pcakd.errors import ConfigError, UnknownNameError
from pcakd.utils.extras import require_extra
from pcakd.weights import WeightsCard

PREFIX = "timm/"
_NUM_TAPS = 4
_MOST_STRIDE = 16
_STEPS = (1, 2, 4)
_PROBE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The levels of features of a model that are taps.

    Attributes:
        taps: timm's names of the modules that compute them.
        widths: Channels.
        strides: Strides in pixels of the image.
    """

    taps: tuple[str, ...]
    widths: tuple[int, ...]
    strides: tuple[int, ...]


@lru_cache(maxsize=8)
def describe_timm(name: str) -> Levels:
    """Return the taps of ``timm/NAME``.

    Raises:
        MissingExtraError: timm is not installed.
        ConfigError: The model has no four levels that can be taps.
        UnknownNameError: timm has no such model.
    """
    info = _build(name, seed=0).feature_info
    try:
        modules, widths, strides = info.module_name(), info.channels(), info.reduction()
    except (AttributeError, KeyError, TypeError) as error:
        raise ConfigError(
            f"backbone {name!r} does not describe its features; choose another model"
        ) from error
    levels = Levels(
        taps=tuple(modules[:_NUM_TAPS]),
        widths=tuple(widths[:_NUM_TAPS]),
        strides=tuple(strides[:_NUM_TAPS]),
    )
    steps = [after / before for before, after in pairwise((1, *levels.strides))]
    if (
        len(levels.strides) < _NUM_TAPS
        or levels.strides[-1] > _MOST_STRIDE
        or any(step not in _STEPS for step in steps)
    ):
        raise ConfigError(
            f"backbone {name!r} has features at strides {', '.join(map(str, strides))}; "
            f"four are needed up to {_MOST_STRIDE}, each 1, 2 or 4 times the one before"
        )
    return levels


def create_timm(name: str, *, weight_set: str | None, path: Path | None, seed: int) -> Backbone:
    """Build a frozen teacher from timm.

    Args:
        name: ``timm/NAME``, with or without timm's tag of pretrained weights.
        weight_set: One of `list_timm_weight_sets`; by default the one that this project pins.
        path: A safetensors file with timm's tensor names, or a file of the weight set.
        seed: Seed of random weights.

    Raises:
        MissingExtraError: timm is not installed.
        ConfigError: The model has no four taps, or no weights are named.
        UnknownNameError: timm has no such model, or the model has no such weight set.
        WeightsError: The weights are not found or do not fit.
    """
    levels = describe_timm(name)
    model = _build(name, seed=seed, out_indices=tuple(range(_NUM_TAPS)))
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # an in-place activation would overwrite a tap
    _trim(model, levels.taps[-1])
    model.eval()
    config = _config(name)
    loaded = load_timm_weights(name, weight_set, path, config=config)
    if loaded is not None:
        fill_model(model, loaded.tensors, name)
    scale = ScaleInput(
        getattr(config, "mean", None) or IMAGENET_MEAN, getattr(config, "std", None) or IMAGENET_STD
    )
    card = loaded.card if loaded else None
    return _assemble(name, levels, model, scale, card)


def _trim(model: Any, last: str) -> None:
    """Drop the blocks after the last tap, which some models keep."""
    stage = last.removeprefix("blocks.")
    if isinstance(getattr(model, "blocks", None), nn.Sequential) and stage.isdecimal():
        model.blocks = model.blocks[: int(stage) + 1]


def _assemble(
    name: str, levels: Levels, model: Any, scale: nn.Module, card: WeightsCard | None
) -> Backbone:
    """Cut a model into blocks at its taps, if the blocks compute the same as the model."""
    image = torch.rand(1, 3, _PROBE, _PROBE, generator=torch.Generator().manual_seed(0))
    whole = WholeBackbone(
        name=name,
        taps=levels.taps,
        widths=levels.widths,
        strides=levels.strides,
        blocks=[nn.Sequential(scale, model)],
        card=card,
    )
    expected = _probe(name, whole, image)
    for tap, width, stride in zip(expected, levels.widths, levels.strides, strict=True):
        side = _PROBE // stride
        if tuple(tap.shape) != (1, width, side, side):
            raise ConfigError(
                f"backbone {name!r} returns {tuple(tap.shape)} for {_PROBE} pixels, but declares "
                f"(1, {width}, {side}, {side}); choose another model"
            )
    segments = _segments(model, levels.taps)
    if segments is None:
        return whole
    segments[0].insert(0, scale)
    cut = Backbone(
        name=name,
        taps=levels.taps,
        widths=levels.widths,
        strides=levels.strides,
        blocks=[nn.Sequential(*segment) for segment in segments],
        card=card,
    )
    same = all(map(torch.equal, _probe(name, cut, image), expected))
    return cut if same else whole


def _probe(name: str, backbone: Backbone, image: Tensor) -> list[Tensor]:
    try:
        with torch.inference_mode():
            taps: list[Tensor] = backbone(image)
        if len(taps) != _NUM_TAPS or not all(isinstance(tap, Tensor) for tap in taps):
            raise TypeError("it does not return four feature maps")
    except Exception as error:  # models can raise anything
        raise ConfigError(
            f"backbone {name!r} cannot run on {_PROBE} × {_PROBE} pixels ({_reason(error)}); "
            "choose a model that takes images of any size"
        ) from error
    return taps


def _segments(model: Any, taps: Sequence[str]) -> list[list[nn.Module]] | None:
    """Split a chain of modules after each tap; None if the model is not such a chain."""
    chain: list[tuple[str, nn.Module]] = []
    ends = tuple(taps)
    if isinstance(model, nn.ModuleDict) and hasattr(model, "return_layers"):
        chain = list(model.items())
        ends = tuple(map(str, vars(model)["return_layers"]))
    elif all(hasattr(model, part) for part in ("conv_stem", "bn1", "blocks")):
        stem = ("conv_stem", "bn1", "act1")
        chain = [(part, getattr(model, part)) for part in stem if hasattr(model, part)]
        chain += [(f"blocks.{number}", block) for number, block in enumerate(model.blocks)]
    names = [name for name, _ in chain]
    if len(ends) != _NUM_TAPS or any(end not in names for end in ends):
        return None
    places = [names.index(end) + 1 for end in ends]
    return [[m for _, m in chain[start:end]] for start, end in pairwise((0, *places))]


def _import_timm(name: str) -> Any:
    return require_extra("timm", "timm", f"backbone {name!r}")


def _model_name(name: str) -> str:
    return name.removeprefix(PREFIX)


def _build(name: str, *, seed: int, **options: Any) -> Any:
    timm, model = _import_timm(name), _model_name(name)
    if not timm.is_model(model):  # timm would also accept addresses of models
        near = get_close_matches(model, timm.list_models(), n=3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "see timm.list_models()"
        raise UnknownNameError(f"timm knows no model {model!r}; {hint}")
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return timm.create_model(model, pretrained=False, features_only=True, **options)
    except Exception as error:  # a model without features_only can raise anything
        raise ConfigError(
            f"backbone {name!r} cannot return features ({_reason(error)}); "
            "choose a model that timm builds with features_only"
        ) from error


def _config(name: str) -> Any:
    """Return timm's description of a model's pretrained weights, or None."""
    try:
        return _import_timm(name).get_pretrained_cfg(_model_name(name))
    except RuntimeError as error:  # an unknown tag
        raise UnknownNameError(f"backbone {name!r}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
