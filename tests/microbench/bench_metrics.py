"""The quality metrics, one by one."""

from bench.quality.lpips import LpipsDistance
from bench.quality.ssim import measure_ssim


def test_gram(benchmark, metrics, content):
    benchmark(metrics.describe_style, content[None])


def test_ssim(benchmark, content, style):
    benchmark(measure_ssim, style[None], content[None])


def test_lpips(benchmark, metrics, content, style):
    del metrics  # skips where the weights cannot be had
    benchmark(LpipsDistance(progress=False), style[None], content[None])
