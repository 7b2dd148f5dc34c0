"""The networks that PCA-KD is compared with, by name. Seeded weights serve to measure cost only."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.peers.cap_vstnet import CapVstNet
from bench.peers.photowct import PhotoWCT, PhotoWCTLevel
from bench.peers.photowct2 import PhotoWCT2
from bench.peers.vgg import Depth, VggAutoencoder
from bench.peers.wct2 import WCT2
from bench.records.schema import CHOLESKY
from pcakd.blocks import run_plain
from pcakd.coarse_to_fine import run_fast, tiles_in_threads
from pcakd.errors import ConfigError
from pcakd.tiling import run_tiled
from pcakd.transforms import TRANSFORMS
from pcakd.utils.registry import Registry

N = TypeVar("N", bound=nn.Module)


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
class Peer(ABC):
    """A network that stylizes, and how to build it.

    Attributes:
        stylize: Runs the network.
        transforms: The feature transforms that it can have; the first is the default.
    """

    stylize: Stylize
    transforms: tuple[str, ...] = TRANSFORMS

    @abstractmethod
    def create_network(self) -> nn.Module:
        """Build the network of its paper with seeded random weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPeer(Peer):
    """A peer whose weights are not trained here.

    Attributes:
        create: Builds the network with PyTorch's random weights.
    """

    create: Callable[[], nn.Module]

    def create_network(self) -> nn.Module:
        """Build the network of its paper with seeded random weights."""
        return seeded(self.create)


@dataclass(frozen=True, slots=True, kw_only=True)
class VggPeer(Peer):
    """A peer with a fixed VGG encoder and a decoder that can be trained.

    Attributes:
        create: Builds the autoencoder whose decoder is trained, with PyTorch's random weights.
        assemble: Builds the network that stylizes from that autoencoder.
        create_pool: Builds the pooling of its encoder, for a teacher.
    """

    create: Callable[[Depth], VggAutoencoder]
    assemble: Callable[[VggAutoencoder], nn.Module]
    create_pool: Callable[[], nn.Module]

    def create_network(self) -> nn.Module:
        """Build the network of its paper with seeded random weights."""
        return self.assemble(self.create_seeded())

    def create_seeded(self, depth: Depth = "vgg19", *, seed: int = 0) -> VggAutoencoder:
        """Build the autoencoder with seeded random weights."""
        return seeded(lambda: self.create(depth), seed)


def seeded(build: Callable[[], N], seed: int = 0) -> N:
    """Build a network with seeded random weights, without touching the global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build().eval().requires_grad_(False)


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


def _run_cap_vstnet(
    network: nn.Module, content: Tensor, style: Tensor, transform: str, *, tiled: bool = True
) -> Tensor:
    del transform  # its own
    if not isinstance(network, CapVstNet):
        raise TypeError(f"expected CapVstNet, got {type(network).__name__}")
    with tiles_in_threads(content, run_tiled if tiled else run_plain):
        return network.stylize(content, style, tiled=tiled)


def _assemble_photowct(autoencoder: VggAutoencoder) -> PhotoWCT:
    network = PhotoWCT(depth=autoencoder.depth)
    network.load_levels(autoencoder.state_dict())
    return network.eval().requires_grad_(False)


PEERS: Registry[Peer] = Registry("peer")
for _name, _concat in (("wct2-cat5", True), ("wct2-sum", False)):
    PEERS.register(
        _name,
        VggPeer(
            create=lambda depth, concat=_concat: WCT2(concat=concat, depth=depth),  # type: ignore[misc]
            assemble=lambda autoencoder: autoencoder,
            stylize=_run_own,
            create_pool=lambda: nn.AvgPool2d(2, divisor_override=2),  # the band LL
        ),
    )
PEERS.register(
    "photowct",
    VggPeer(
        create=lambda depth: PhotoWCTLevel(depth=depth),
        assemble=_assemble_photowct,
        stylize=_run_own,
        create_pool=lambda: nn.MaxPool2d(2),
    ),
)
PEERS.register(
    "photowct2",
    VggPeer(
        create=lambda depth: PhotoWCT2(depth=depth),
        assemble=lambda autoencoder: autoencoder,
        stylize=_run_photowct2,
        create_pool=lambda: nn.AvgPool2d(2),
    ),
)
PEERS.register(
    "cap-vstnet", FixedPeer(create=CapVstNet, stylize=_run_cap_vstnet, transforms=(CHOLESKY,))
)

VGG_PEERS: tuple[str, ...] = tuple(
    name for name in PEERS.names() if isinstance(PEERS.get(name), VggPeer)
)
"""Names of the peers whose decoders can be trained."""


def get_vgg_peer(name: str) -> VggPeer:
    """Return a peer whose decoder can be trained.

    Raises:
        UnknownNameError: There is no such peer.
        ConfigError: Its weights are not trained here.
    """
    peer = PEERS.get(name)
    if not isinstance(peer, VggPeer):
        raise ConfigError(f"{name} is not trained here; trainable: {', '.join(VGG_PEERS)}")
    return peer
