from dataclasses import replace

import numpy as np
import pytest
from student_specs import DESIGNED, TINY

from pcakd.costs import (
    TERMS,
    LatencyModel,
    LatencySample,
    count_block,
    count_student,
    fit_latency_model,
    latency_terms,
    relative_errors,
)
from pcakd.errors import PcakdError

TRUE = LatencyModel(coefficients=(2e6, 3.0, 0.02, 0.5, 0.06, 0.2, 0.05, 40.0))


def _samples(count, *, held_out=False, seed=0):
    rng = np.random.default_rng(seed)
    samples = []
    for _ in range(count):
        spec = replace(DESIGNED, ranks=tuple(int(k) for k in rng.integers(2, 60, 4)))
        pixels = int(rng.choice([10_000, 90_000, 900_000]))
        counts = count_student(spec)
        samples.append(
            LatencySample(
                ranks=spec.ranks,
                resolution=f"{pixels}x1",
                pixels=pixels,
                latency_ns=TRUE.predict_ns(counts, pixels),
                held_out=held_out,
                terms=tuple(map(float, latency_terms(counts, pixels))),
            )
        )
    return samples


def test_a_fit_predicts_other_students():
    fitted = fit_latency_model(_samples(40))
    errors = relative_errors(fitted, _samples(40, seed=1))
    assert max(map(abs, errors)) < 1e-6
    assert min(fitted.coefficients) >= 0.0


def test_what_is_held_out_does_not_change_the_fit():
    used = _samples(20)
    wrong = [replace(each, latency_ns=1e12) for each in _samples(9, held_out=True, seed=2)]
    assert fit_latency_model([*used, *wrong]) == fit_latency_model(used)
    assert max(relative_errors(TRUE, wrong)) < -0.5


def test_errors_are_predicted_over_measured():
    sample = _samples(1)[0]
    slower = replace(sample, latency_ns=2 * sample.latency_ns)
    assert relative_errors(TRUE, [slower]) == [pytest.approx(-0.5)]


def test_a_kind_of_convolution_that_is_not_there_costs_nothing():
    samples = [
        replace(each, terms=(*each.terms[:3], 0.0, *each.terms[4:])) for each in _samples(20)
    ]
    assert fit_latency_model(samples).coefficients[TERMS.index("depthwise_macs")] == 0.0


def test_too_few_samples_are_an_error():
    with pytest.raises(PcakdError, match="7 latencies are too few for 8"):
        fit_latency_model(_samples(7))


def test_blocks_add_up_to_the_student():
    blocks = sum(TRUE.predict_block_ns(count_block(TINY, block), 5000) for block in (1, 2, 3, 4))
    whole = TRUE.predict_ns(count_student(TINY), 5000)
    assert TRUE.predict_call_ns(5000) + blocks == pytest.approx(whole)
