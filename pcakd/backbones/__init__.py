"""Teacher encoders by name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pcakd.backbones import mobilenet, mobilenet_v2, tiny, vgg
from pcakd.backbones.designs import describe_blocks
from pcakd.backbones.interface import Backbone
from pcakd.backbones.normalization import measure_channel_means, normalize_activations
from pcakd.backbones.timm_models import PREFIX, create_timm, describe_timm
from pcakd.backbones.timm_weights import list_timm_weight_sets
from pcakd.errors import ConfigError, UnknownNameError
from pcakd.utils.registry import Registry, unknown_name
from pcakd.weights import LoadedWeights, load_weights

__all__ = [
    "Backbone",
    "BackboneEntry",
    "create_backbone",
    "describe_blocks",
    "get_backbone_entry",
    "list_backbones",
    "measure_channel_means",
    "normalize_activations",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneEntry:
    """What is known of a backbone without building it.

    Attributes:
        taps: Names of its taps.
        widths: Channels at the taps.
        weight_sets: Named weight sets, the default first; empty for seeded weights.
        normalized: Whether Gatys' normalisation belongs to the teacher.
        ranks: The ranks that students of it have by default (the paper's); None where the paper
            has none, and they follow from the photographs.
        build: Makes it from loaded weights (None for seeded ones) and a seed.
    """

    taps: tuple[str, ...]
    widths: tuple[int, ...]
    weight_sets: tuple[str, ...]
    normalized: bool
    ranks: tuple[int, int, int, int] | None
    build: Callable[[LoadedWeights | None, int], Backbone]


_REGISTRY: Registry[BackboneEntry] = Registry("backbone")


def _build_vgg(name: str, loaded: LoadedWeights | None, seed: int) -> Backbone:
    del seed
    if loaded is None:
        raise ConfigError(f"backbone {name!r} needs a weight set")
    return vgg.create_vgg(name, loaded.tensors, loaded.card)


def _build_mobilenet(loaded: LoadedWeights | None, seed: int) -> Backbone:
    del seed
    if loaded is None:
        raise ConfigError("backbone 'mobilenet_v1' needs a weight set")
    return mobilenet.create_mobilenet_v1(loaded.tensors, loaded.card)


def _build_mobilenet_v2(loaded: LoadedWeights | None, seed: int) -> Backbone:
    del seed
    if loaded is None:
        raise ConfigError("backbone 'mobilenet_v2' needs a weight set")
    return mobilenet_v2.create_mobilenet_v2(loaded.tensors, loaded.card)


for _name in ("vgg16", "vgg19"):
    _REGISTRY.register(
        _name,
        BackboneEntry(
            taps=vgg.TAPS,
            widths=vgg.WIDTHS,
            weight_sets=("caffe", "torchvision"),
            normalized=True,
            ranks=(10, 20, 58, 64),
            build=partial(_build_vgg, _name),
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
        build=_build_mobilenet,
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
        build=_build_mobilenet_v2,
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
        build=lambda _, seed: tiny.create_tiny(seed),
    ),
)


def list_backbones() -> tuple[str, ...]:
    """List the names of the teachers beside ``timm/NAME``; builds nothing."""
    return _REGISTRY.names()


def get_backbone_entry(name: str) -> BackboneEntry:
    """Return what is known of a backbone.

    Raises:
        UnknownNameError: There is no such backbone.
        ConfigError: A model of timm's cannot be one, or timm is missing.
    """
    if name.startswith(PREFIX):
        return _timm_entry(name)
    try:
        return _REGISTRY.get(name)
    except UnknownNameError as error:
        raise UnknownNameError(f"{error}, {PREFIX}NAME") from None


def _timm_entry(name: str) -> BackboneEntry:
    levels = describe_timm(name)

    def build(loaded: LoadedWeights | None, seed: int) -> Backbone:
        del loaded  # `create_timm` finds other weights itself
        return create_timm(name, weight_set="seeded", path=None, seed=seed)

    return BackboneEntry(
        taps=levels.taps,
        widths=levels.widths,
        weight_sets=list_timm_weight_sets(name),
        normalized=False,
        ranks=None,
        build=build,
    )


def create_backbone(
    name: str, *, weight_set: str | None = None, path: Path | None = None, seed: int = 0
) -> Backbone:
    """Build a frozen teacher.

    Args:
        name: ``vgg16``, ``vgg19``, ``mobilenet_v1``, ``mobilenet_v2``, ``tiny`` or ``timm/NAME``.
        weight_set: Which of its weight sets; by default the first.
        path: A file to take the weights from.
        seed: For ``tiny`` and ``timm/NAME`` with the weight set ``seeded``.

    Raises:
        UnknownNameError: There is no such backbone or weight set.
        ConfigError: A model of timm's cannot be a teacher or has no weights, or timm is missing.
        WeightsError: The weights cannot be had or are damaged.
    """
    if name.startswith(PREFIX):
        return create_timm(name, weight_set=weight_set, path=path, seed=seed)
    entry = get_backbone_entry(name)
    if not entry.weight_sets:
        return entry.build(None, seed)
    chosen = weight_set or entry.weight_sets[0]
    if chosen not in entry.weight_sets:
        raise unknown_name(f"weight set of {name}", chosen, entry.weight_sets)
    return entry.build(load_weights(name, chosen, path=path), seed)
