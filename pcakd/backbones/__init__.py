"""Backbones: the teacher networks that students are distilled from, by name."""

from pcakd.backbones.designs import describe_blocks
from pcakd.backbones.interface import Backbone
from pcakd.backbones.normalization import measure_channel_means, normalize_activations
from pcakd.backbones.registry import (
    BackboneEntry,
    create_backbone,
    get_backbone_entry,
    identify_teacher,
    list_backbones,
    load_backbone,
    split_weights,
)

__all__ = [
    "Backbone",
    "BackboneEntry",
    "create_backbone",
    "describe_blocks",
    "get_backbone_entry",
    "identify_teacher",
    "list_backbones",
    "load_backbone",
    "measure_channel_means",
    "normalize_activations",
    "split_weights",
]
