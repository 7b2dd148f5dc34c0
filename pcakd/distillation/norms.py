"""Norms that layers have during training; they are folded into the convolutions afterwards."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pcakd.blocks import ConvLayer
from pcakd.distillation.parallel import sum_over_ranks, world_size

_LEAST_DEVIATION = 0.1  # of the channels' mean deviation
_MOMENTUM = 0.05  # of running statistics; low, because batches of crops differ a lot


class SharedBatchNorm(nn.BatchNorm2d):
    """A batch norm with statistics over all processes.

    With one process it is `nn.BatchNorm2d`. PyTorch's ``SyncBatchNorm`` needs an accelerator.

    Attributes:
        shared: Whether each process has another part of the batch; False where all have the same.
    """

    shared = True

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Normalise by the statistics of the whole batch, or in evaluation by the running ones."""
        if not (self.training and self.shared) or world_size() == 1:
            return super().forward(input)
        count = world_size() * input.numel() / input.shape[1]
        mean = sum_over_ranks(input.sum(dim=(0, 2, 3))) / count
        centred = input - mean[:, None, None]
        variance = sum_over_ranks(centred.square().sum(dim=(0, 2, 3))) / count
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None  # noqa: S101, PT018
            momentum = self.momentum or 0.0
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return centred * scale[:, None, None] + self.bias[:, None, None]


def prepare_layers(layers: Sequence[ConvLayer]) -> None:
    """Add an input standardisation and norms to a block's layers, with neutral values."""
    channels = torch.zeros(layers[0].conv.in_channels, device=layers[0].conv.weight.device)
    layers[0].standardize_input(channels, torch.ones_like(channels))
    for layer in layers:
        layer.norm = _create_norm(layer)


def surround_like(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give the layers of a network exactly the norms whose tensors a state holds."""
    for name, layer in network.named_modules():
        if isinstance(layer, ConvLayer):
            device = layer.conv.weight.device
            layer.norm = None
            if f"{name}.norm.weight" in state:
                layer.norm = _create_norm(layer)
            for kind in ("input_mean", "input_std"):
                there = state.get(f"{name}.{kind}")
                setattr(layer, kind, None if there is None else torch.empty_like(there).to(device))


def _create_norm(layer: ConvLayer) -> SharedBatchNorm:
    norm = SharedBatchNorm(layer.conv.out_channels, momentum=_MOMENTUM)
    return norm.to(layer.conv.weight.device).eval()


def follow_batches(layers: Sequence[ConvLayer], *, live: bool) -> None:
    """Let batch norms use the statistics of their batches, or the running ones.

    The norm of a layer that outputs image colours always uses running statistics: those of a batch
    would add noise to the colours.
    """
    for layer in layers:
        if layer.norm is not None:
            layer.norm.train(live and layer.makes_features)


@torch.no_grad()
def start_norm(layer: ConvLayer, *, scale: Tensor, offset: Tensor) -> None:
    """Set the scale and offset of a layer's norm, one of each per channel."""
    if layer.norm is not None:
        layer.norm.weight.copy_(scale)
        layer.norm.bias.copy_(offset)


def calibrate(layers: Sequence[ConvLayer], run: Callable[[], object]) -> None:
    """Call ``run``, and set the norms' running statistics to those of the features seen.

    Every process must run the same images.
    """
    norms = [layer.norm for layer in layers if isinstance(layer.norm, SharedBatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
        norm.shared = False
        norm.train()
    with torch.no_grad():
        run()
    for norm in norms:
        norm.momentum = _MOMENTUM
        norm.shared = True
        norm.eval()


def measure_moments(
    features: Float[Tensor, "b c h w"],
) -> tuple[Float[Tensor, " c"], Float[Tensor, " c"]]:
    """Return means and standard deviations of channels.

    A standard deviation is at least a tenth of their mean.
    """
    deviation, mean = torch.std_mean(features.float(), dim=(0, 2, 3))
    # a channel that hardly varies in these images may vary in others and would become huge
    return mean, deviation.clamp_min(_LEAST_DEVIATION * float(deviation.mean()) + 1e-12)


def standardize(
    layer: ConvLayer, run: Callable[[Tensor], object], images: Sequence[Tensor]
) -> None:
    """Standardise the input of a layer by its moments while ``run`` processes images."""
    caught = [catch(layer, lambda x=image: run(x)) for image in images]  # type: ignore[misc]
    layer.standardize_input(*measure_moments(torch.cat(caught)))


def catch(layer: ConvLayer, run: Callable[[], object]) -> Tensor:
    """Call ``run`` and return the input that reaches a layer."""
    caught: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0].detach()))
    try:
        with torch.no_grad():
            run()
    finally:
        handle.remove()
    return caught[0]
