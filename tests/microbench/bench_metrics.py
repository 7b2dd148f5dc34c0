"""The quality metrics, one by one."""

from bench.quality.lpips import LpipsScore
from bench.quality.ssim import ssim_score


def test_gram(benchmark, metrics, content):
    benchmark(metrics.describe_style, content[None])


def test_ssim(benchmark, content, style):
    benchmark(ssim_score, style[None], content[None])


def test_lpips(benchmark, metrics, content, style):
    del metrics  # skips where the weights cannot be had
    benchmark(LpipsScore(progress=False), style[None], content[None])
