"""The networks of the students, their whole stylization, and the filter behind it."""

import torch

from pcakd.filters import guided_filter
from pcakd.stylize import stylize


def test_encoder(benchmark, student, content):
    with torch.inference_mode():
        benchmark(student.encode, content[None])


def test_decoder(benchmark, student, content):
    with torch.inference_mode():
        sources = [content[None], *student.encode(content[None])]

        def decode():
            features = sources[-1]
            for block in (4, 3, 2, 1):
                features = student.decode_block(block, features, sources[block - 1])
            return features

        benchmark(decode)


def test_stylize(benchmark, student, content, style):
    benchmark(stylize, student, content, style)


def test_guided_filter(benchmark, content, style):
    benchmark(guided_filter, style, content)
