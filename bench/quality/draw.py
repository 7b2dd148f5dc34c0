"""Draws image pairs from a folder of photographs; in half of them both are similar."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from bench.plan.image_pairs import ImagePair
from bench.quality.sizes import fit_within
from pcakd.backbones import Backbone
from pcakd.errors import ConfigError
from pcakd.images import list_images, load_image

_LEAST_DEVIATION = 1e-3
_LONGEST_SIDE = 512  # photographs are downscaled to this before they are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnPair(ImagePair):
    """An image pair that was drawn.

    Attributes:
        similar: Whether the style is the photograph most similar to the content, not a random one.
    """

    similar: bool


def draw_pairs(folder: Path, backbone: Backbone, *, count: int, seed: int) -> list[DrawnPair]:
    """Draw image pairs with random contents; the style is similar or random, in turn.

    The similarity of two photographs is the cosine of the channel means and deviations of the last
    tap, standardised over the folder. No photograph is the content of two pairs, or the content of
    one and the random style of another.

    Args:
        folder: A folder of at least ``2 * count`` photographs.
        backbone: The network whose features are compared.
        count: Number of image pairs.
        seed: Seed of the draw.

    Raises:
        ConfigError: The folder has too few photographs, or ``count`` is below 1.
        ImageError: The folder has no photograph, or one cannot be read.
    """
    photos = list_images(folder)
    if count < 1:
        raise ConfigError(f"the number of image pairs must be at least 1, got {count}")
    if len(photos) < 2 * count:
        raise ConfigError(
            f"{folder} has {len(photos)} photographs, too few for {count} image pairs; "
            f"give {2 * count} or draw fewer"
        )
    with tqdm(photos, desc="photographs", unit="photo") as bar:  # an error ends its line
        descriptions = [_describe(backbone, photo) for photo in bar]
    nearest = find_most_similar(torch.stack(descriptions))
    generator = torch.Generator().manual_seed(seed)
    order: list[int] = torch.randperm(len(photos), generator=generator).tolist()
    pairs = []
    for number, content in enumerate(order[:count]):
        similar = number % 2 == 0
        style = nearest[content] if similar else order[count + number]
        pairs.append(
            DrawnPair(
                name=f"{number:02d}",
                content=photos[content],
                style=photos[style],
                similar=similar,
            )
        )
    return pairs


def find_most_similar(descriptions: Float[Tensor, "n d"]) -> Sequence[int]:
    """Return for each row the index of the other row with the most similar direction from the mean.

    >>> find_most_similar(torch.tensor([[0.0, 0.0], [9.0, 9.0], [0.0, 1.0], [9.0, 8.0]]))
    [2, 3, 0, 1]
    """
    deviation, mean = torch.std_mean(descriptions, dim=0)
    directions = F.normalize((descriptions - mean) / (deviation + _LEAST_DEVIATION), dim=1)
    similarity = directions @ directions.mT
    similarity.fill_diagonal_(-torch.inf)
    nearest: list[int] = similarity.argmax(dim=1).tolist()
    return nearest


@torch.inference_mode()
def _describe(backbone: Backbone, photo: Path) -> Tensor:
    """Return the mean and the deviation of each channel of the last tap."""
    image = fit_within(load_image(photo)[None], _LONGEST_SIDE)
    features: Tensor = backbone(image)[-1][0].flatten(1)
    # correction 0, so that a single pixel has a deviation of 0
    deviation, mean = torch.std_mean(features, dim=1, correction=0)
    return torch.cat((mean, deviation))
