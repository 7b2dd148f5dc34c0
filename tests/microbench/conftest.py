"""Images and networks for the microbenchmarks; run with ``nox -s microbench``."""

import pytest
import torch

from bench.quality.pairs import shipped_pairs_folder
from pcakd.images import load_image
from pcakd.students import StudentSpec, create_student

SIDE = 512
RANKS = {"mobilenet_v1": (10, 19, 37, 54), "vgg16": (10, 20, 58, 64)}


def random_image(seed):
    return torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="session")
def content():
    return random_image(0)


@pytest.fixture(scope="session")
def style():
    return random_image(1)


@pytest.fixture(scope="session", params=sorted(RANKS))
def student(request):
    spec = StudentSpec(architecture=request.param, ranks=RANKS[request.param])
    return create_student(spec).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def photographs():
    """Return content and style of a shipped image pair, each of shape (1, 3, h, w)."""
    folder = shipped_pairs_folder()
    return tuple(load_image(folder / f"01_{side}.jpg")[None] for side in ("content", "style"))
