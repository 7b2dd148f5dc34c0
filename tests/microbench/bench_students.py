"""The networks of the students, plain and in tiles, their whole stylization, and the filter."""

import pytest
import torch

from pcakd.filters import guided_filter
from pcakd.pipeline import stylize
from pcakd.tiling import lay_out, run_tiled

BLOCKS = (1, 2, 3, 4)
RUNS = {"plain": lambda stack, *args: stack.run_block(*args), "tiled": run_tiled}


@pytest.mark.parametrize("way", RUNS)
@pytest.mark.benchmark(group="encoder")
def test_encoder(benchmark, student, content, way):
    def encode():
        features = lay_out(content[None]) if way == "tiled" else content[None]
        for block in BLOCKS:
            features = RUNS[way](student.encoder, block, features)
        return features

    with torch.inference_mode():
        benchmark(encode)


@pytest.mark.parametrize("way", RUNS)
@pytest.mark.benchmark(group="decoder")
def test_decoder(benchmark, student, content, way):
    with torch.inference_mode():
        image = lay_out(content[None]) if way == "tiled" else content[None]
        sources = [image, *student.encode(image)]

        def decode():
            features = sources[-1]
            for block in reversed(BLOCKS):
                features = RUNS[way](student.decoder, block, features, sources[block - 1])
            return features

        benchmark(decode)


def test_stylize(benchmark, student, content, style):
    benchmark(stylize, student, content, style)


def test_guided_filter(benchmark, content, style):
    benchmark(guided_filter, style, content)
