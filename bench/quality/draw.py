"""Content-style pairs drawn from a folder of photographs, half of them of a kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from bench.quality.sizes import fit_within
from pcakd.backbones import Backbone
from pcakd.errors import ConfigError
from pcakd.images import list_images, load_image

_LEAST_DEVIATION = 1e-3
_LONGEST_SIDE = 512  # of what is compared: likeness is not a matter of resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnPair:
    """Two photographs.

    Attributes:
        content: The one to be stylized.
        style: The one whose style it is to take on.
        alike: Whether the style was chosen for its likeness; the others are random.
    """

    content: Path
    style: Path
    alike: bool


def draw_pairs(folder: Path, backbone: Backbone, *, count: int, seed: int) -> list[DrawnPair]:
    """Draw pairs: contents at random, and for them the photograph most alike and any one, in turn.

    Photographs are alike whose last tap has similar means and deviations (cosine of what is left
    after standardising over the folder). No photograph is the content of two pairs, or both
    content and random style.

    Args:
        folder: Of photographs, twice as many as ``count`` at least.
        backbone: Whose features tell what is alike.
        count: How many pairs.
        seed: Of the draw.

    Raises:
        ConfigError: Too few photographs, or no pair wanted.
        ImageError: No photograph, or one that cannot be read.
    """
    photos = list_images(folder)
    if count < 1:
        raise ConfigError(f"the number of pairs must be at least 1, got {count}")
    if len(photos) < 2 * count:
        raise ConfigError(
            f"{folder} has {len(photos)} photographs, too few for {count} pairs; "
            f"give {2 * count} or draw fewer"
        )
    with tqdm(photos, desc="look", unit="photo") as bar:  # an error ends its line
        looks = [_describe(backbone, photo) for photo in bar]
    nearest = find_alike(torch.stack(looks))
    generator = torch.Generator().manual_seed(seed)
    order: list[int] = torch.randperm(len(photos), generator=generator).tolist()
    pairs = []
    for number, content in enumerate(order[:count]):
        alike = number % 2 == 0
        style = nearest[content] if alike else order[count + number]
        pairs.append(DrawnPair(content=photos[content], style=photos[style], alike=alike))
    return pairs


def find_alike(descriptions: Float[Tensor, "n d"]) -> Sequence[int]:
    """Return for each row the other row whose direction from the mean is nearest.

    >>> find_alike(torch.tensor([[0.0, 0.0], [9.0, 9.0], [0.0, 1.0], [9.0, 8.0]]))
    [2, 3, 0, 1]
    """
    deviation, mean = torch.std_mean(descriptions, dim=0)
    directions = F.normalize((descriptions - mean) / (deviation + _LEAST_DEVIATION), dim=1)
    likeness = directions @ directions.mT
    likeness.fill_diagonal_(-torch.inf)
    nearest: list[int] = likeness.argmax(dim=1).tolist()
    return nearest


@torch.inference_mode()
def _describe(backbone: Backbone, photo: Path) -> Tensor:
    """Return means and deviations of the last tap's channels."""
    image = fit_within(load_image(photo)[None], _LONGEST_SIDE)
    features: Tensor = backbone(image)[-1][0].flatten(1)
    deviation, mean = torch.std_mean(features, dim=1, correction=0)  # one pixel has none
    return torch.cat((mean, deviation))
