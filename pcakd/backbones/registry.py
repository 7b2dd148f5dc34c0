"""Backbones by name: what is known of each, and how to load one with its weights."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from pcakd.backbones import mobilenet, mobilenet_v2, tiny, vgg
from pcakd.backbones.custom import create_custom, describe_custom
from pcakd.backbones.interface import Backbone
from pcakd.backbones.timm_models import PREFIX, create_timm, describe_timm
from pcakd.backbones.timm_weights import list_timm_weight_sets
from pcakd.errors import ConfigError, UnknownNameError, WeightsError
from pcakd.utils.devices import resolve_device
from pcakd.utils.factories import PREFIX as CUSTOM
from pcakd.utils.files import to_path
from pcakd.utils.registry import Registry, unknown_name
from pcakd.weights import WeightsCard, hash_tensors, load_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneEntry:
    """What is known of a backbone without building it.

    Attributes:
        taps: Names of its four taps.
        widths: Channels at the taps.
        weight_sets: Names of its weight sets, the default first; empty for seeded weights.
        normalized: Whether distillation first applies Gatys' normalisation to it.
        ranks: The paper's ranks at the taps; None for a backbone that is not in the paper.
    """

    taps: tuple[str, ...]
    widths: tuple[int, ...]
    weight_sets: tuple[str, ...]
    normalized: bool
    ranks: tuple[int, int, int, int] | None


def list_backbones() -> tuple[str, ...]:
    """List the backbones by name, without those of timm (``timm/NAME``); builds nothing.

    >>> list_backbones()
    ('vgg16', 'vgg19', 'mobilenet_v1', 'mobilenet_v2', 'tiny')
    """
    return _REGISTRY.names()


def load_backbone(
    name: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str | torch.device = "cpu",
    seed: int = 0,
) -> Backbone:
    """Load a frozen teacher network in eval mode.

    Calling it on images of shape ``(b, 3, h, w)``, RGB in [0, 1], returns the features of its four
    taps. Weights that are not on this machine are downloaded and kept in the user's cache.

    Args:
        name: ``vgg16``, ``vgg19``, ``mobilenet_v1``, ``mobilenet_v2``, ``timm/NAME`` (needs the
            extra ``timm``), ``python:package.module:factory`` (`pcakd.backbones.custom`; it is
            imported), or ``tiny``, a small network with random weights for tests.
        weights: The name of a weight set (``pcakd list`` shows them), the path of a file, or both
            as ``"SET=FILE"``. None takes the backbone's default set from the first place that has
            it: the folder in ``PCAKD_WEIGHTS``, the cache, the publisher.
        device: Where to put it: ``cpu``, ``cuda``, ``cuda:N``, ``mps`` or ``auto``.
        seed: Seed of random weights (``tiny``, or ``timm/NAME`` with the set ``seeded``).

    Raises:
        UnknownNameError: There is no such backbone or weight set.
        ConfigError: The device is not on this machine, or a model of timm cannot be a backbone.
        MissingExtraError: timm is needed and not installed.
        WeightsError: The weights are not found or are damaged.

    >>> backbone = load_backbone("tiny")
    >>> [tuple(features.shape) for features in backbone(torch.rand(1, 3, 32, 32))]
    [(1, 8, 32, 32), (1, 12, 16, 16), (1, 16, 8, 8), (1, 20, 4, 4)]
    """
    place = resolve_device(str(device))
    weight_set, path = split_weights(weights, name)
    return create_backbone(name, weight_set=weight_set, path=path, seed=seed).to(place)


def split_weights(
    weights: str | os.PathLike[str] | None, backbone: str
) -> tuple[str | None, Path | None]:
    """Split what `load_backbone` takes as ``weights`` into a weight set and a path.

    Raises:
        UnknownNameError: There is no such backbone.
        WeightsError: ``weights`` is no text and no path.

    >>> split_weights("caffe", "vgg16")
    ('caffe', None)
    """
    if weights is None:
        return None, None
    if not isinstance(weights, str):
        return None, to_path(weights, "the weights", error=WeightsError)
    known = get_backbone_entry(backbone).weight_sets
    name, equals, path = weights.partition("=")
    if equals and name in known:
        return name, Path(path)
    is_path = weights not in known and (Path(weights).suffix or "/" in weights)
    return (None, Path(weights)) if is_path else (weights, None)


def create_backbone(
    name: str, *, weight_set: str | None = None, path: Path | None = None, seed: int = 0
) -> Backbone:
    """Build a frozen backbone on the CPU from a weight set, a file, or both.

    Args:
        name: As in `load_backbone`.
        weight_set: One of its weight sets; None is the first.
        path: A file that holds the weights.
        seed: Seed of random weights.

    Raises:
        UnknownNameError: There is no such backbone or weight set.
        ConfigError: Weights are given for a backbone that has random ones, or a model of timm
            cannot be a backbone or has no weights.
        MissingExtraError: timm is needed and not installed.
        WeightsError: The weights are not found or are damaged.
    """
    if isinstance(name, str) and name.startswith(PREFIX):
        return create_timm(name, weight_set=weight_set, path=path, seed=seed)
    entry = get_backbone_entry(name)
    if name.startswith(CUSTOM) and weight_set is None and path is None:
        return create_custom(name)
    if not entry.weight_sets:
        if weight_set is not None or path is not None:
            kind = "the weights of its factory" if name.startswith(CUSTOM) else "random weights"
            raise ConfigError(
                f"backbone {name!r} has {kind} and cannot load {path or weight_set}; "
                "leave --weights out"
            )
        return tiny.create_tiny(seed)
    chosen = weight_set or entry.weight_sets[0]
    if chosen not in entry.weight_sets:
        raise unknown_name(f"weight set of {name}", chosen, entry.weight_sets)
    loaded = load_weights(name, chosen, path=path)
    return _BUILDERS[name](loaded.tensors, loaded.card)


def identify_teacher(backbone: Backbone) -> str | None:
    """Return the SHA-256 of a teacher's weights; None for seeded ones.

    Those of a network of another package are hashed as they are now: identify it before its
    activations are normalised.
    """
    if backbone.card is not None:
        return backbone.card.sha256
    return hash_tensors(backbone.state_dict()) if backbone.name.startswith(CUSTOM) else None


def get_backbone_entry(name: str) -> BackboneEntry:
    """Return what is known of a backbone.

    Raises:
        UnknownNameError: There is no such backbone.
        ConfigError: A model of timm cannot be a backbone.
        MissingExtraError: timm is needed and not installed.
    """
    if isinstance(name, str) and name.startswith(PREFIX):
        return _timm_entry(name)
    if isinstance(name, str) and name.startswith(CUSTOM):
        taps, widths = describe_custom(name)
        return BackboneEntry(taps=taps, widths=widths, weight_sets=(), normalized=False, ranks=None)
    try:
        return _REGISTRY.get(name)
    except UnknownNameError as error:
        raise UnknownNameError(f"{error}, {PREFIX}NAME, {CUSTOM}MODULE:FACTORY") from None


def _timm_entry(name: str) -> BackboneEntry:
    levels = describe_timm(name)
    return BackboneEntry(
        taps=levels.taps,
        widths=levels.widths,
        weight_sets=list_timm_weight_sets(name),
        normalized=False,
        ranks=None,
    )


_BUILDERS: Mapping[str, Callable[[Mapping[str, Tensor], WeightsCard | None], Backbone]] = {
    "vgg16": partial(vgg.create_vgg, "vgg16"),
    "vgg19": partial(vgg.create_vgg, "vgg19"),
    "mobilenet_v1": mobilenet.create_mobilenet_v1,
    "mobilenet_v2": mobilenet_v2.create_mobilenet_v2,
}
"""Builds a backbone from its tensors and their card; ``tiny`` has neither."""

_REGISTRY: Registry[BackboneEntry] = Registry("backbone")
for _name in ("vgg16", "vgg19"):
    _REGISTRY.register(
        _name,
        BackboneEntry(
            taps=vgg.TAPS,
            widths=vgg.WIDTHS,
            weight_sets=("caffe", "torchvision"),
            normalized=True,
            ranks=(10, 20, 58, 64),
        ),
    )
_REGISTRY.register(
    "mobilenet_v1",
    BackboneEntry(
        taps=mobilenet.TAPS,
        widths=mobilenet.WIDTHS,
        weight_sets=("keras",),
        normalized=False,
        ranks=(10, 19, 37, 54),
    ),
)
_REGISTRY.register(
    "mobilenet_v2",
    BackboneEntry(
        taps=mobilenet_v2.TAPS,
        widths=mobilenet_v2.WIDTHS,
        weight_sets=("torchvision",),
        normalized=False,
        ranks=None,
    ),
)
_REGISTRY.register(
    "tiny",
    BackboneEntry(
        taps=tiny.TAPS,
        widths=tiny.WIDTHS,
        weight_sets=(),
        normalized=False,
        ranks=(4, 6, 8, 10),
    ),
)
