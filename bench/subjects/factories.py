"""Subjects of other packages: ``python:package.module:factory``, or an entry point's name.

A factory takes no argument and returns a model: anything callable as ``model(content, style)``,
both ``1 × 3 × h × w`` RGB in [0, 1], that returns an image of the size of the content. Optional
attributes of the model:

* ``transforms``: names of feature transforms; the model is then called with ``transform=NAME``.
* ``trace(content, style)``: a form of the call whose operators are counted; ``trace = None`` leaves
  multiply-adds out.
* ``num_params``: its parameters, where it is no `torch.nn.Module`.
* ``has_quality``: False for random weights, which are timed and not scored.
"""

import copy
import hashlib
import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from bench.plan.factories import find_factory
from bench.records.schema import Precision
from bench.subjects.interface import NO_TRANSFORM, Device, Prepared, Subject
from pcakd.errors import ConfigError
from pcakd.utils.factories import call_factory, import_factory
from pcakd.utils.precision import PRECISIONS
from pcakd.weights import hash_tensors


def create_model_subject(name: str, precision: Precision, chosen: Sequence[str] | None) -> Subject:
    """Import a factory and create the subject of its model.

    Args:
        name: ``python:module:factory`` or the name of an entry point.
        precision: Arithmetic of a `torch.nn.Module`; other models have float32 alone.
        chosen: Transforms to run it with; None is the model's own list.

    Raises:
        UnknownNameError: The module or the factory does not exist.
        ConfigError: The name has another form, the factory fails, or its model cannot be called or
            lacks a transform.
    """
    text = find_factory(name) or ""
    label = f"subject {name!r}"
    factory = import_factory(label, text, program="bench")
    model = call_factory(label, factory)
    if not callable(model):
        raise ConfigError(
            f"subject {name!r}: the factory returned {type(model).__name__}, which cannot be "
            "called as model(content, style)"
        )
    is_module = isinstance(model, nn.Module)
    if precision not in PRECISIONS:
        raise ConfigError(f"subject {name!r}: +{precision} is for students; drop it")
    if precision != "fp32" and not is_module:
        raise ConfigError(f"subject {name!r}: only a torch.nn.Module has +{precision}; drop it")
    own = tuple(getattr(model, "transforms", ()))
    transforms = _choose_transforms(name, own, chosen)
    parameters = list(model.parameters()) if is_module else []
    if is_module:
        model = model.eval().requires_grad_(False)
    return Subject(
        name=name if precision == "fp32" else f"{name}+{precision}",
        transforms=transforms,
        precision=precision,
        has_quality=bool(getattr(model, "has_quality", True)),
        hash=_hash_model(name, factory, model),
        num_params=getattr(model, "num_params", sum(each.numel() for each in parameters)),
        num_eigenbasis_params=0,
        build=partial(_prepare, name, model, precision, bool(own)),
    )


def _choose_transforms(
    name: str, own: Sequence[str], chosen: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the transforms to run: the model's, or those of them that are chosen."""
    if not own:
        if chosen is not None and len(chosen) == 1:
            raise ConfigError(f"subject {name!r} has no transforms; drop @{chosen[0]}")
        return (NO_TRANSFORM,)
    if chosen is None:
        return tuple(own)
    if missing := [each for each in chosen if each not in own]:
        raise ConfigError(
            f"subject {name!r} has no transform {missing[0]!r}; it has {', '.join(own)}"
        )
    return tuple(chosen)


def _prepare(
    name: str, model: Any, precision: Precision, has_transforms: bool, device: Device, chosen: str
) -> Prepared:
    dtype = PRECISIONS[precision]
    modules: tuple[nn.Module, ...] = ()
    if isinstance(model, nn.Module):
        model = copy.deepcopy(model).to(device=device, dtype=dtype)
        modules = (model,)
    options = {"transform": chosen} if has_transforms else {}

    def run(content: Tensor, style: Tensor, call: Callable[..., Any] = model) -> Tensor:
        output = call(content[None].to(dtype), style[None].to(dtype), **options)
        return _check_output(name, output, content)

    trace = getattr(model, "trace", model)
    untiled = partial(run, call=_leave_out if trace is None else trace)
    return Prepared(modules=modules, run=run, untiled=untiled)


def _check_output(name: str, output: Any, content: Tensor) -> Tensor:
    """Return an output as ``3 × h × w``, float32, clipped.

    Raises:
        ConfigError: It is no image of the size of the content.
    """
    if isinstance(output, Tensor) and output.ndim == 4 and output.shape[0] == 1:
        output = output[0]
    if not isinstance(output, Tensor) or output.shape != content.shape:
        found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ConfigError(
            f"subject {name!r} returned {found} for a content of shape {tuple(content.shape)}"
        )
    return output.float().clamp(0.0, 1.0)


def _leave_out(content: Tensor, style: Tensor, **options: Any) -> Tensor:
    """Stand in for a model whose multiply-adds are not counted."""
    del style, options
    return content


def _hash_model(name: str, factory: Callable[[], Any], model: Any) -> str:
    """Hash a model: name, source file of its factory, and weights."""
    digest = hashlib.sha256(name.encode())
    with suppress(OSError, TypeError):  # built in, or made at run time
        digest.update(Path(inspect.getfile(factory)).read_bytes())
    if isinstance(model, nn.Module):
        digest.update(hash_tensors(dict(model.state_dict())).encode())
    return digest.hexdigest()
