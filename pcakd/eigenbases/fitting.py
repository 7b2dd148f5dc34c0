"""Fits the eigenbases of a backbone on images."""

import os
from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor
from tqdm import tqdm

from pcakd.backbones import Backbone
from pcakd.eigenbases.basis import Eigenbasis, fit_eigenbasis
from pcakd.eigenbases.covariance import measure_covariances
from pcakd.eigenbases.rank_rule import DEFAULT_MCEV, RankRule, default_rank_rule
from pcakd.eigenbases.sources import DEFAULT_CROP, ImageSource, list_sources, read_batches
from pcakd.errors import ConfigError, NumericalError, UnknownNameError, shorten
from pcakd.images.crops import is_flat


def fit_eigenbases(
    backbone: Backbone,
    images: str | os.PathLike[str] | Iterable[ImageSource],
    *,
    ranks: Sequence[int] | None = None,
    mcev: float | None = None,
    explained: float | None = None,
    crop: int | None = DEFAULT_CROP,
    progress: bool = False,
) -> list[Eigenbasis]:
    """Fit the global eigenbases of a backbone's four taps.

    The eigenbasis of a tap is the matrix W of k orthonormal columns that minimises the mean over
    images of ‖F̄ − W Wᵀ F̄‖² / N, where F̄ (C × N) are the features of an image at this tap minus
    their mean. The images are read once, in order, on the device of the backbone.

    The backbone is used as it is. The paper first divides the channels of a VGG by their mean
    activations; `pcakd.backbones.measure_channel_means` and
    `pcakd.backbones.normalize_activations` do this.

    Args:
        backbone: A teacher, as `pcakd.load_backbone` returns it.
        images: A folder of photographs, or an iterable of image files and images. An image is a
            float tensor in [0, 1] of shape ``(3, h, w)`` or ``(b, 3, h, w)``, a uint8 tensor, a PIL
            image or an array ``(h, w, 3)``. Sizes may differ.
        ranks: The rank k of each tap. Without any rule these are the paper's ranks, for other
            backbones those that reach an mcev of 0.85.
        mcev: Instead: the smallest ranks whose mean cumulative explained variance reaches this
            share, in (0, 1].
        explained: Instead: the smallest ranks whose basis explains this share of the variance.
        crop: Side in pixels of the central square that is cut out of each image file; smaller
            photographs are enlarged to it. None takes the whole photograph. Only files are
            cropped.
        progress: Whether to show a progress bar on standard error.

    Returns:
        The eigenbases of taps 1 to 4.

    Raises:
        ConfigError: The backbone is none, more than one rule is given, or a rank or target is out
            of range.
        ImageError: An image file cannot be read or is too narrow to crop, or a folder holds none.
        ShapeError: There is no image, or one has another type, layout or range of values, or is too
            small.
        NumericalError: The images are of one colour each, so that there is nothing to explain.

    Source: Chiu and Gurari, CVPR 2022, section 3.2. They minimise by Adam; we compute the
        minimiser, the top eigenvectors of the average within-image covariance.

    >>> import torch
    >>> from pcakd.backbones import load_backbone
    >>> photos = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> bases = fit_eigenbases(load_backbone("tiny"), [photos], ranks=(4, 6, 8, 10))
    >>> [tuple(each.basis.shape) for each in bases]
    [(8, 4), (12, 6), (16, 8), (20, 10)]
    """
    if not isinstance(backbone, Backbone):
        raise ConfigError(
            f"the backbone is {shorten(backbone)}; expected one that pcakd.load_backbone loads"
        )
    rule = _choose_rule(backbone, ranks, mcev, explained)
    sources = list_sources(images)
    total = len(sources) if isinstance(sources, Sequence) else None
    flat: list[bool] = []

    def batches() -> Iterator[Tensor]:
        for batch in read_batches(sources, backbone, crop=crop):
            flat.append(is_flat(batch))
            yield batch

    with tqdm(
        batches(), total=total, desc="covariances", unit="image", disable=not progress
    ) as bar:
        streams = measure_covariances(backbone, bar)
    if flat and all(flat):
        raise NumericalError(
            "the images are of one colour each: there is no variance to explain; use photographs"
        )
    return [fit_eigenbasis(each, tap=tap, rule=rule) for tap, each in enumerate(streams, start=1)]


def _choose_rule(
    backbone: Backbone,
    ranks: Sequence[int] | None,
    mcev: float | None,
    explained: float | None,
) -> RankRule:
    """Check the rule that is given, or return the default one of the backbone."""
    if ranks is None and mcev is None and explained is None:
        try:
            return default_rank_rule(backbone.name)
        except UnknownNameError:  # a backbone of the caller's
            return RankRule(mcev=DEFAULT_MCEV)
    if ranks is not None and not isinstance(ranks, Sequence):
        raise ConfigError(f"ranks must be one integer for each tap, got {ranks!r}")
    rule = RankRule(ranks=None if ranks is None else tuple(ranks), mcev=mcev, explained=explained)
    rule.require_fit(backbone.name, backbone.widths)
    return rule
