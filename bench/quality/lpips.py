"""LPIPS between an output and its content, with the AlexNet of the ``lpips`` package."""

import warnings
from importlib.resources import as_file, files

import lpips
import torch
from jaxtyping import Float
from torch import Tensor

from bench.quality.protocol import describe_size, lpips_protocol
from bench.quality.sizes import MIN_CONTENT_SIDE, require_sizes
from pcakd.weights import hash_tensors, load_weights

MIN_SIDE = MIN_CONTENT_SIDE
"""The shortest side in pixels for which AlexNet's last features exist."""

_MODULES = {0: "slice1.0", 3: "slice2.3", 6: "slice3.6", 8: "slice4.8", 10: "slice5.10"}


class LpipsDistance:
    """LPIPS v0.1 with linear heads.

    Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual
    Metric", CVPR 2018. The network and its linear heads are those of the authors' package. The
    weights of the trunk come from ``pcakd.weights``, because the package would download them.
    """

    def __init__(
        self,
        *,
        device: torch.device | str = "cpu",
        progress: bool = True,
        size: str | None = None,
    ) -> None:
        """Load the trunk and the heads.

        Args:
            device: Where to compute.
            progress: Whether downloads show a progress bar.
            size: `describe_size` of the images, for the protocol id; native size by default.

        Raises:
            WeightsError: The weights of torchvision's AlexNet are not found.
        """
        trunk = load_weights("alexnet", "torchvision", progress=progress)
        heads = _load_heads()
        self.device = torch.device(device)
        self.protocol = lpips_protocol(
            trunk.card.sha256, hash_tensors(heads), size or describe_size()
        )
        self._network = _build_network({**_trunk_state(trunk.tensors), **heads}).to(device)

    @torch.inference_mode()
    def __call__(
        self, output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h w"]
    ) -> float:
        """Return the distance of two RGB images in [0, 1]; 0 for equal ones.

        Raises:
            ShapeError: The sizes differ, or a side is shorter than 31 px.
        """
        require_sizes("LPIPS", output, content, min_side=MIN_SIDE)
        one, other = output.to(self.device), content.to(self.device)
        return float(self._network(one, other, normalize=True))


def _load_heads() -> dict[str, Tensor]:
    """Read the linear heads of the package, tensors only."""
    with as_file(files("lpips") / "weights" / "v0.1" / "alex.pth") as path:
        heads: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return heads


def _trunk_state(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename ``features.N.weight`` to the names of the package's trunk."""
    return {
        f"net.{module}.{kind}": tensors[f"features.{index}.{kind}"]
        for index, module in _MODULES.items()
        for kind in ("weight", "bias")
    }


def _build_network(state: dict[str, Tensor]) -> lpips.LPIPS:
    """Build the network of the package without a download, and load all of its tensors."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore", UserWarning)  # lpips uses deprecated arguments
        network = lpips.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False)
    missing, unexpected = network.load_state_dict(state, strict=False)
    left = [n for n in missing if not n.startswith(("scaling_layer.", "lins."))] + unexpected
    if left:  # "lins" lists the heads a second time; the scaling layer has no weights
        raise RuntimeError(f"this version of lpips has other tensor names: {left}")
    return network.requires_grad_(False)
