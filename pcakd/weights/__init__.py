"""Weights of the teachers and of the metrics' networks, with their hashes and sources.

No file is read with an unrestricted unpickler.
"""

from pcakd.weights.hashing import hash_tensors
from pcakd.weights.publishers import download
from pcakd.weights.resolve import (
    FOLDER_VARIABLE,
    LoadedWeights,
    WeightsCard,
    cache_folder,
    load_weights,
    weights_folder,
)
from pcakd.weights.sets import WeightSet, all_weight_sets, get_weight_set, list_weight_sets

__all__ = [
    "FOLDER_VARIABLE",
    "LoadedWeights",
    "WeightSet",
    "WeightsCard",
    "all_weight_sets",
    "cache_folder",
    "download",
    "get_weight_set",
    "hash_tensors",
    "list_weight_sets",
    "load_weights",
    "weights_folder",
]
