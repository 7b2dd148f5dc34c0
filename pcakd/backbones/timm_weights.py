"""Weights of timm models, from safetensors or a weight set; checked tensor by tensor."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pcakd.errors import ConfigError, WeightsError
from pcakd.utils.files import read_safetensors
from pcakd.utils.registry import unknown_name
from pcakd.weights import (
    LoadedWeights,
    WeightsCard,
    all_weight_sets,
    hash_tensors,
    load_weights,
)
from pcakd.weights.resolve import Source

PRETRAINED = "timm"
"""The weight set that timm would download, as safetensors."""
SEEDED = "seeded"
"""Random weights, for tests."""
_FILE = "file"
_HUB_FILE = "model.safetensors"
_COUNTER = "num_batches_tracked"


def list_timm_weight_sets(name: str) -> tuple[str, ...]:
    """Return the weight sets of ``timm/NAME``, those of `pcakd.weights` first."""
    return (*_registered(name), PRETRAINED, SEEDED)


def load_timm_weights(
    name: str, weight_set: str | None, path: Path | None, *, config: Any
) -> LoadedWeights | None:
    """Load the weights of ``timm/NAME``; None for random ones.

    Args:
        name: The backbone.
        weight_set: One of `list_timm_weight_sets`; by default the first of `pcakd.weights`.
        path: A file that holds them.
        config: timm's description of pretrained weights, or None.

    Raises:
        ConfigError: No weights are given, and the model has no default set.
        UnknownNameError: The model has no such weight set.
        WeightsError: The weights are not found or are damaged.
    """
    known = list_timm_weight_sets(name)
    if weight_set is not None and weight_set not in known:
        raise unknown_name(f"weight set of {name}", weight_set, known)
    registered = _registered(name)
    if weight_set is None and path is not None:
        # any safetensors file is accepted; another file belongs to the registered set
        if path.suffix == ".safetensors" or not registered:
            return _read_file(name, path)
        weight_set = registered[0]
    if weight_set in registered or (weight_set is None and registered):
        return load_weights(name, weight_set or registered[0], path=path)
    if path is not None:
        raise ConfigError(f"weights {weight_set!r} of {name} are not read from a file; drop {path}")
    if weight_set == SEEDED:
        return None
    if weight_set == PRETRAINED:
        return _fetch(name, config)
    raise ConfigError(
        f"backbone {name!r} needs weights: --weights FILE.safetensors (with timm's names), or "
        f"--weights {PRETRAINED} to download those of timm"
    )


@torch.no_grad()
def fill_model(model: nn.Module, tensors: Mapping[str, Tensor], name: str) -> None:
    """Copy tensors into a feature model; each tensor of the model must be given.

    timm flattens or prefixes the module names of feature models. Names are therefore compared with
    dots and underscores taken as equal.

    Raises:
        WeightsError: A tensor is missing or has another shape.
    """
    given = {_plain(key): tensor for key, tensor in tensors.items()}
    for key, wanted in model.state_dict().items():
        if key.endswith(_COUNTER):
            continue
        plain = _plain(key)
        tensor = given.get(plain, given.get(plain.removeprefix("model_")))
        if tensor is None or tensor.shape != wanted.shape:
            found = "absent" if tensor is None else tuple(tensor.shape)
            raise WeightsError(
                f"{name} weights: {key} should be {tuple(wanted.shape)}, is {found}; use another "
                "file"
            )
        wanted.copy_(tensor)


def _plain(name: str) -> str:
    return name.replace(".", "_")


def _registered(name: str) -> tuple[str, ...]:
    return tuple(entry.name for entry in all_weight_sets() if entry.backbone == name)


def _read_file(name: str, path: Path) -> LoadedWeights:
    return _loaded(name, path, _FILE, "path", licence="unknown", url=None)


def _fetch(name: str, config: Any) -> LoadedWeights:
    """Download timm's default weights as safetensors; no other format is read."""
    repository = getattr(config, "hf_hub_id", None)
    if not repository:
        raise WeightsError(f"timm publishes no safetensors of {name}; give a file with --weights")
    try:
        from huggingface_hub import hf_hub_download

        path = hf_hub_download(repository, _HUB_FILE)
    except Exception as error:  # the download can raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(
            f"{_HUB_FILE} of {repository} cannot be fetched ({reason}); download it elsewhere and "
            "give its path with --weights"
        ) from error
    return _loaded(
        name,
        Path(path),
        PRETRAINED,
        "publisher",
        licence=str(getattr(config, "license", None) or "unknown"),
        url=f"https://huggingface.co/{repository}",
    )


def _loaded(
    name: str, path: Path, weight_set: str, source: Source, *, licence: str, url: str | None
) -> LoadedWeights:
    tensors, _ = read_safetensors(path, error=WeightsError)
    card = WeightsCard(
        backbone=name,
        weight_set=weight_set,
        source=source,
        sha256=hash_tensors(tensors),
        verified=False,
        licence=licence,
        url=url,
    )
    return LoadedWeights(tensors=tensors, card=card)
