"""Students against their full-width autoencoders: ratios, interleaved measurements, sentences."""

import dataclasses

import pytest

from bench.report.breakdown.tables import speedup_table
from bench.report.breakdown.thinning import (
    FULL_WIDTH_OF,
    explain_thinning,
    format_measured,
    thinnings,
)
from bench.report.common.summary import summarize


def test_a_student_is_compared_with_its_autoencoder(compared):
    (gain,) = thinnings(summarize(compared))
    assert (gain.student.subject, gain.full.subject) == ("vgg16", "vgg19-full")
    assert gain.macs_ratio == pytest.approx(20.0)
    assert gain.measured == pytest.approx(6.0)
    share = 0.94
    assert gain.expected == pytest.approx(1 / ((1 - share) + share / 20))


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 640, "height": 480},
        {"transform": "ot"},
        {"threads": 1},
        {"subject": "vgg19-full+fp16"},
        {"status": "oom", "latency_ns": None, "stages": None},
    ],
)
def test_only_like_is_compared_with_like(compared, changes):
    full = compared[1]
    known = {field.name for field in dataclasses.fields(full.case)}
    case = dataclasses.replace(full.case, **{k: v for k, v in changes.items() if k in known})
    rest = {k: v for k, v in changes.items() if k not in known}
    other = dataclasses.replace(full, case=case, case_hash="other", **rest)
    assert thinnings(summarize([compared[0], other])) == []


def test_precisions_have_autoencoders_of_their_own(make_stages, compared):
    records = [make_stages(f"{name}+fp16") for name in ("mobilenet_v1", "mobilenet_v1-full")]
    (gain,) = thinnings(summarize([*compared[:1], *records]))
    assert gain.full.subject == "mobilenet_v1-full+fp16"
    assert gain.macs_ratio == gain.measured == 1.0


def test_autoencoders_are_subjects():
    from bench.subjects import FULL_WIDTH

    assert set(FULL_WIDTH_OF.values()) == set(FULL_WIDTH)


def test_the_sentences_follow_from_the_figures(compared):
    (gain,) = thinnings(summarize(compared))
    assert explain_thinning(gain) == (
        "At HD, `vgg16` is 6.0× as fast as `vgg19-full` (medians of two processes). Its "
        "convolutions have 20.0× fewer multiply-adds for both images together. At the rate of "
        "`vgg19-full` its convolutions would take 47.0 ms; a call without other work would then be "
        "21.3× as fast as that of `vgg19-full`. They take 90.0 ms, because they run at 44.4 "
        "GMACs/s instead of 85.1 GMACs/s (4.44 instead of 20.0 multiply-adds per byte of memory "
        "traffic). The other sections take 10.0 ms of 100 ms (times of instrumented calls). The "
        "longest of them is covariance. Without convolutions, a call of `vgg16` would be 10.0× as "
        "fast as it is."
    )


def test_an_interleaved_measurement_is_preferred(compared, make_ratio):
    speed = make_ratio("vgg19-full", "vgg16", 5.0)
    (gain,) = thinnings(summarize([*compared, *speed]))
    assert gain.measured == gain.interleaved.value == pytest.approx(5.0, rel=0.01)
    assert format_measured(gain) == "5.0× [4.8, 5.2]"
    assert (
        "is 5.0× [4.8, 5.2] as fast as `vgg19-full` (interleaved measurement)"
        in explain_thinning(gain)
    )
    table = speedup_table(summarize([*compared, *speed])).data.set_index("subject").loc["vgg16"]
    assert table["speedup_measured_processes"] == 3
    assert table["speedup_measured_low"] < table["speedup_measured"]


@pytest.mark.parametrize(
    ("sides", "changes"),
    [
        (("vgg19-full", "vgg16"), {"status": "oom"}),
        (("vgg19-full", "mobilenet_v1"), {}),
    ],
)
def test_other_speed_ratios_are_ignored(compared, make_pair, sides, changes):
    (gain,) = thinnings(summarize([*compared, make_pair(*sides, ratio=5.0, **changes)]))
    assert gain.interleaved is None
    assert format_measured(gain) == "6.0×"


def test_a_speed_ratio_in_the_other_order_is_inverted(compared, make_ratio):
    (gain,) = thinnings(summarize([*compared, *make_ratio("vgg16", "vgg19-full", 0.2)]))
    assert gain.measured == pytest.approx(5.0, rel=0.01)
    assert gain.interleaved.low < gain.measured < gain.interleaved.high


def test_a_speed_ratio_of_another_machine_is_ignored(compared, make_pair):
    speed = make_pair("vgg19-full", "vgg16")
    case = dataclasses.replace(speed.case, threads=1)
    (gain,) = thinnings(summarize([*compared, dataclasses.replace(speed, case=case)]))
    assert gain.interleaved is None


@pytest.mark.parametrize(
    ("macs", "paper", "words"),
    [
        (
            16_000,
            482_778 / 18_832,
            "and 30.2× fewer on the content path alone (25.6× for the student of the paper).",
        ),
        (18_900, None, "and 25.5× fewer on the content path alone."),
    ],
)
def test_the_content_path_and_the_papers_student_have_separate_ratios(
    make_stages, macs, paper, words
):
    pixels = 1280 * 720
    records = [
        make_stages(macs_content=macs * pixels),
        make_stages("vgg19-full", macs_content=482_778 * pixels),
    ]
    (gain,) = thinnings(summarize(records))
    assert gain.macs_ratio == 1.0
    assert gain.content_ratio == pytest.approx(482_778 / macs)
    assert gain.paper_ratio == (None if paper is None else pytest.approx(paper, rel=1e-4))
    assert words in explain_thinning(gain)


def test_padded_sizes_give_no_ratio_for_the_papers_student(make_stages):
    changes = {"resolution": "FHD", "width": 1920, "height": 1080}
    records = [
        make_stages(macs_content=17_000 * 1920 * 1088, **changes),
        make_stages("vgg19-full", macs_content=482_778 * 1920 * 1088, **changes),
    ]
    (gain,) = thinnings(summarize(records))
    assert gain.paper_ratio is None
    assert gain.content_ratio == pytest.approx(482_778 / 17_000)
