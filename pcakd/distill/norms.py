"""Norms that surround a block's layers while it is trained, and are folded into them afterwards."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.blocks import ConvLayer

_LEAST_DEVIATION = 0.1  # of the channels' mean deviation
_ROW_NORM = 3**-0.5  # of the weights that lead to a channel, in PyTorch's default initialisation


def prepare_layers(layers: Sequence[ConvLayer], *, all_inputs: bool = False) -> None:
    """Surround a block's layers by the normalisation that trains them, to be filled in.

    Args:
        layers: In order.
        all_inputs: Whether the inputs of all of them are standardised, or the first one's alone.
    """
    for layer in layers if all_inputs else layers[:1]:
        channels = torch.zeros(layer.conv.in_channels, device=layer.conv.weight.device)
        layer.standardize_input(channels, torch.ones_like(channels))
    for layer in layers:
        layer.add_norm()


def follow_batches(layers: Sequence[ConvLayer], *, live: bool) -> None:
    """Let the batch norms follow their batches, or keep their running statistics.

    A layer without ReLU makes pixels of an image: batch statistics would be noise on a colour, so
    its norm stays a trained scale and offset.
    """
    for layer in layers:
        if layer.norm is not None:
            layer.norm.train(live and layer.relu)


@torch.no_grad()
def start_norm(layer: ConvLayer, *, scale: Tensor, offset: Tensor) -> None:
    """Start the norm of a layer at a scale and an offset of each channel."""
    if layer.norm is not None:
        layer.norm.weight.copy_(scale)
        layer.norm.bias.copy_(offset)


@torch.no_grad()
def surround_as_is(layer: ConvLayer, inputs: Float[Tensor, "b c h w"]) -> None:
    """Surround a layer by norms without changing what it computes.

    Weights are brought to the size that PyTorch starts from, the norm makes up for it: one learning
    rate then suits layers that were fitted as it suits layers that were drawn.

    Args:
        layer: A full (not depthwise) convolution that nothing surrounds.
        inputs: What reaches it: its moments become the statistics of the norms.
    """
    layer.recondition(*measure_moments(inputs))
    conv = layer.conv
    assert conv.bias is not None  # noqa: S101 (built with one)
    size = conv.weight.flatten(1).norm(dim=1).clamp_min(1e-12) / _ROW_NORM
    conv.weight.div_(size[:, None, None, None])
    conv.bias.div_(size)
    mean, deviation = measure_moments(layer.convolve(inputs))
    layer.add_norm()
    norm = layer.norm
    if norm is None or norm.running_mean is None or norm.running_var is None:
        raise RuntimeError("a batch norm keeps running statistics")
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(deviation.square())
    start_norm(layer, scale=size * (norm.running_var + norm.eps).sqrt(), offset=size * mean)


def measure_moments(
    features: Float[Tensor, "b c h w"],
) -> tuple[Float[Tensor, " c"], Float[Tensor, " c"]]:
    """Return means and deviations of channels; a deviation is at least a tenth of their mean."""
    deviation, mean = torch.std_mean(features.float(), dim=(0, 2, 3))
    # a channel that hardly varies here may do so elsewhere: dividing by less would make it explode
    return mean, deviation.clamp_min(_LEAST_DEVIATION * float(deviation.mean()) + 1e-12)


def standardize(
    layer: ConvLayer, run: Callable[[Tensor], object], images: Sequence[Tensor]
) -> None:
    """Standardise what reaches a layer by its moments."""
    caught = [catch(layer, lambda x=image: run(x)) for image in images]  # type: ignore[misc]
    layer.standardize_input(*measure_moments(torch.cat(caught)))


def catch(layer: ConvLayer, run: Callable[[], object]) -> Tensor:
    """Return what reaches a layer while something runs."""
    caught: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0].detach()))
    try:
        with torch.no_grad():
            run()
    finally:
        handle.remove()
    return caught[0]
