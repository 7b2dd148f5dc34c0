"""The table ``[gate]``."""

from dataclasses import replace

import pytest

from bench.gate.config import CaseOverride, GateConfig, choose_cases, load_gate
from bench.plan.config import find_config
from pcakd.errors import ConfigError, UnknownNameError


def load(tmp_path, text):
    path = tmp_path / "benchmarks.toml"
    path.write_text(text, encoding="utf-8")
    return load_gate(path)


def test_the_shipped_gate_loads():
    config = load_gate(find_config())
    assert config.subjects
    assert config.speedups


def test_without_the_table_the_default_gate_is_taken(tmp_path):
    assert load(tmp_path, "") == GateConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[gate]\nsubjets = []", "did you mean 'subjects'?"),
        ("[gate]\nkinds = ['latencey']", "did you mean 'latency'?"),
        ("[gate]\nmetrics = ['sim']", "did you mean 'ssim'?"),
        ("[gate]\nresolutions = ['UHD']", "resolution 'UHD' is not known"),
        ("[gate.margins]\nlatncy = 0.1", "did you mean 'latency'?"),
        ("[gate.margins.metrics]\nsim = 0.1", "did you mean 'ssim'?"),
        ("[gate.margins]\nlatency = -0.1", "must be > 0"),
        ("[gate.speedups]\nvgg16 = 2.0", "write 'SLOW FAST'"),
        ("[gate]\nsubjects = ['a', 'a']", "given twice"),
        ("[[gate.overrides]]\nsubjects = ['vgg61']", "did you mean 'vgg16'?"),
        ("[[gate.overrides]]\nmetrics = ['sim']", "did you mean 'ssim'?"),
        ("[[gate.overrides]]\nmargn = 0.1", "did you mean 'margin'?"),
        ("gate = 3", "expected a table [gate]"),
        ("[gate]\nmax_launches = 3", "must be ≥ 4"),
    ],
)
def test_mistakes_are_one_line(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_metric_margin_replaces_that_metric_alone(tmp_path):
    margins = load(tmp_path, "[gate.margins.metrics]\nssim = 0.1").margins
    assert margins.of_metric("ssim") == 0.1
    assert margins.of_metric("lpips") == GateConfig().margins.of_metric("lpips")


def test_only_keeps_kinds_in_the_order_of_measuring():
    config = choose_cases(GateConfig(), kinds=("latency", "counts"), subjects=("vgg16",))
    assert config.kinds == ("counts", "latency")
    assert config.subjects == ("vgg16",)
    assert choose_cases(GateConfig(), kinds=None, subjects=("other",)).subjects == ()
    with pytest.raises(UnknownNameError, match="did you mean 'memory'"):
        choose_cases(GateConfig(), kinds=("memry",), subjects=None)


def test_only_keeps_what_was_said_of_the_chosen_subjects():
    both = CaseOverride(subjects=("vgg16", "mobilenet_v1"), margin=0.2)
    ratio = CaseOverride(subjects=("slow vgg16",), margin=0.3)
    other = CaseOverride(subjects=("mobilenet_v1",), skip=True)
    everything = CaseOverride(kinds=("memory",), threads=2)
    config = GateConfig(
        speedups={"slow vgg16": 2.0, "slow mobilenet_v1": 3.0},
        overrides=(both, ratio, other, everything),
    )
    chosen = choose_cases(config, kinds=None, subjects=("vgg16",))
    assert chosen.subjects == ("vgg16",)
    assert dict(chosen.speedups) == {"slow vgg16": 2.0}
    assert chosen.overrides == (replace(both, subjects=("vgg16",)), ratio, everything)
