"""The quality metrics, one by one, beside what they must not cost more than: stylizing."""

import pytest

from bench.quality.metrics import Metrics
from bench.records.schema import METRIC_NAMES
from pcakd.errors import WeightsError
from pcakd.students import load_student


@pytest.mark.parametrize("name", METRIC_NAMES)
@pytest.mark.benchmark(group="metrics")
def test_metric(benchmark, photographs, name):
    try:
        metrics = Metrics(names=(name,), progress=False)
    except WeightsError as error:
        pytest.skip(str(error))
    content, style = photographs
    described = metrics.describe_style(style)
    benchmark(metrics.measure, content.flip(-1), content, described)


@pytest.mark.parametrize("name", ["mobilenet_v1", "vgg16"])
@pytest.mark.benchmark(group="metrics")
def test_stylizing(benchmark, photographs, name):
    benchmark(load_student(name, device="cpu"), *photographs)
