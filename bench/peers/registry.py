"""The networks that PCA-KD is compared with, by name. Seeded weights serve to measure cost only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jaxtyping import Float
from torch import Tensor, nn

from bench.peers.photowct import PhotoWCT, PhotoWCTLevel
from bench.peers.photowct2 import PhotoWCT2
from bench.peers.vgg import Depth, VggAutoencoder, seeded
from bench.peers.wct2 import WCT2
from pcakd.blocks import run_plain
from pcakd.coarse_to_fine import run_fast, tiles_in_threads
from pcakd.tiling import run_tiled
from pcakd.utils.registry import Registry


class Stylize(Protocol):
    """How a peer's network stylizes."""

    def __call__(
        self,
        network: nn.Module,
        content: Float[Tensor, "3 h w"],
        style: Float[Tensor, "3 h2 w2"],
        transform: str,
        *,
        tiled: bool = True,
    ) -> Float[Tensor, "3 h w"]:
        """Stylize; ``tiled`` runs blocks in tiles, otherwise on whole maps."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A network that stylizes, and how to build it.

    Attributes:
        create: Builds the autoencoder whose decoder is trained, with PyTorch's random weights.
        assemble: Builds the network that stylizes from that autoencoder.
        stylize: Runs that network.
        create_pool: Builds the pooling of its encoder, for a teacher.
    """

    create: Callable[[Depth], VggAutoencoder]
    assemble: Callable[[VggAutoencoder], nn.Module]
    stylize: Stylize
    create_pool: Callable[[], nn.Module]

    def create_seeded(self, depth: Depth = "vgg19", *, seed: int = 0) -> VggAutoencoder:
        """Build the autoencoder with seeded random weights."""
        return seeded(lambda: self.create(depth), seed)


def _run_photowct2(
    network: nn.Module, content: Tensor, style: Tensor, transform: str, *, tiled: bool = True
) -> Tensor:
    if not isinstance(network, PhotoWCT2):
        raise TypeError(f"expected PhotoWCT2, got {type(network).__name__}")
    run_block = run_tiled if tiled else run_plain
    return run_fast(network, content, style, transform=transform, run_block=run_block)


def _run_own(
    network: nn.Module, content: Tensor, style: Tensor, transform: str, *, tiled: bool = True
) -> Tensor:
    if not isinstance(network, PhotoWCT | WCT2):
        raise TypeError(f"expected PhotoWCT or WCT2, got {type(network).__name__}")
    with tiles_in_threads(content, run_tiled if tiled else run_plain):
        return network.stylize(content, style, transform=transform, tiled=tiled)


def _assemble_photowct(autoencoder: VggAutoencoder) -> PhotoWCT:
    network = PhotoWCT(depth=autoencoder.depth)
    network.load_levels(autoencoder.state_dict())
    return network.eval().requires_grad_(False)


PEERS: Registry[Peer] = Registry("peer")
for _name, _concat in (("wct2-cat5", True), ("wct2-sum", False)):
    PEERS.register(
        _name,
        Peer(
            create=lambda depth, concat=_concat: WCT2(concat=concat, depth=depth),  # type: ignore[misc]
            assemble=lambda autoencoder: autoencoder,
            stylize=_run_own,
            create_pool=lambda: nn.AvgPool2d(2, divisor_override=2),  # the band LL
        ),
    )
PEERS.register(
    "photowct",
    Peer(
        create=lambda depth: PhotoWCTLevel(depth=depth),
        assemble=_assemble_photowct,
        stylize=_run_own,
        create_pool=lambda: nn.MaxPool2d(2),
    ),
)
PEERS.register(
    "photowct2",
    Peer(
        create=lambda depth: PhotoWCT2(depth=depth),
        assemble=lambda autoencoder: autoencoder,
        stylize=_run_photowct2,
        create_pool=lambda: nn.AvgPool2d(2),
    ),
)
