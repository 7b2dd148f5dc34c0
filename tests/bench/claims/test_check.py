"""Every claim against synthetic records: found, missing, failed, on another device."""

import doctest
import re

import pytest

from bench.claims import rows
from bench.claims.check import check_claims, has_evidence
from bench.claims.facts import derive_facts
from bench.cli import _create_parser

PAIRS = [f"{number:02}" for number in range(1, 7)]
VGG_FASTER = "VGG student faster than WCT²"
OVERALL = "Faster than existing models, overall"


def find(records, claim):
    return [row for row in check_claims(records) if row.claim == claim]


def only(records, claim):
    (row,) = find(records, claim)
    return row


@pytest.fixture
def scores(make_quality):
    """Return a maker of six quality records whose scores rise from pair to pair."""

    def make(subject, start, metric="gram", **changes):
        return [
            make_quality(subject, pair, **{metric: start + number / 10}, **changes)
            for number, pair in enumerate(PAIRS)
        ]

    return make


def overall_records(make_pair, ratios, **changes):
    pairs = [
        ("wct2-cat5", "vgg16"), ("photowct", "vgg16"), ("photowct2", "vgg16"),
        ("wct2-cat5", "mobilenet_v1"),
    ]  # fmt: skip
    return [make_pair(*pair, ratio, **changes) for pair, ratio in zip(pairs, ratios, strict=False)]


def test_counts_need_no_record():
    vgg, mobilenet = (only([], f"{who} student: parameters") for who in ("VGG", "MobileNet"))
    assert (vgg.measured, vgg.published, vgg.verdict) == ("283,236", "283K", "reproduced")
    assert "eigenbasis numbers are not in them" in vgg.remark
    assert (mobilenet.measured, mobilenet.verdict) == ("72,838", "reproduced")
    assert "52,742 deployed parameters" in mobilenet.remark
    assert "20,096 eigenbasis numbers" in mobilenet.remark


@pytest.mark.parametrize(
    ("whole", "texts", "verdicts"),
    [
        (10_121_871, ["0.72 %", "2.80 %"], ["reproduced", "reproduced"]),
        (7_025_295, ["1.04 %", "4.03 %"], ["not reproduced", "not reproduced"]),
    ],
)
def test_shares_are_of_the_recorded_count(make_cost, whole, texts, verdicts):
    # a case that ran out of memory still has its counts
    records = [make_cost("wct2-cat5", num_params=whole, status="oom", reason="full")]
    rows = [row for row in check_claims(records) if "share of WCT²" in row.claim]
    assert [row.measured for row in rows] == texts
    assert [row.verdict for row in rows] == verdicts


def test_without_records_each_row_says_what_to_run():
    missing = [row for row in check_claims([]) if row.place != "counted"]
    assert len(missing) == 15
    assert {row.verdict for row in missing} == {"not comparable"}
    assert all(row.remark.startswith("no record: run `python -m bench ") for row in missing)
    assert "bench ratio wct2-cat5 vgg16 --out DIR" in only([], VGG_FASTER).remark
    assert "wct2-cat5 mobilenet_v1" in only([], OVERALL).remark
    assert "bench train wct2-cat5" in only([], STYLE).remark


def test_what_is_advised_is_a_command_that_keeps_to_the_pairs_of_the_folder(make_quality):
    records = [make_quality("wct2-cat5"), make_quality("photowct")]
    texts = [row.remark for row in (*check_claims(records), *check_claims([]))]
    texts += [fact.source for fact in derive_facts([])]
    commands = {each for text in texts for each in re.findall(r"`python -m (bench [^`]+)`", text)}
    assert len(commands) > 10
    for command in commands:
        if command.startswith("bench train"):
            continue  # the rest is the reader's
        options = vars(_create_parser(command.split()[1:2]).parse_args(command.split()[1:]))
        scores = options["command"] == "run" and options["only"] != "cost"
        assert not scores or options["pairs"] is not None


@pytest.mark.parametrize(
    ("ratio", "verdict", "remark"),
    [
        (10, "reproduced", "the ratio on a CPU; the published one is of a GPU"),
        (30, "not reproduced", "a larger speed-up than claimed; the ratio on a CPU"),
        (3, "not reproduced", "a smaller speed-up than claimed; the ratio on a CPU"),
    ],
)
def test_speed_is_judged_by_the_paired_ratio(make_pair, ratio, verdict, remark):
    row = only([make_pair("wct2-cat5", "vgg16", ratio)], VGG_FASTER)
    assert row.verdict == verdict
    assert row.remark.startswith(remark)
    assert row.place == "HD, cpu Some CPU, 2 threads"
    assert row.value == pytest.approx(ratio, rel=1e-3)
    assert row.low < row.value < row.high
    assert row.count == 6


def test_a_gpu_has_no_remark_and_a_row_of_its_own(make_pair):
    gpu = make_pair("wct2-cat5", "vgg16", 11, device="cuda", device_name="Some GPU")
    rows = find([make_pair("wct2-cat5", "vgg16", 3), gpu], VGG_FASTER)
    assert [row.verdict for row in rows] == ["not reproduced", "reproduced"]
    assert (rows[1].place, rows[1].remark) == ("HD, cuda Some GPU, 2 threads", "")


def test_the_other_order_counts_inverted(make_pair):
    row = only([make_pair("vgg16", "wct2-cat5", 0.1)], VGG_FASTER)
    assert row.measured == "10.0×"
    assert row.low < 10 < row.high
    assert row.verdict == "reproduced"


def test_the_last_measurement_counts_unless_it_failed(make_pair):
    first, second = (make_pair("wct2-cat5", "vgg16", 10, rounds=n) for n in (6, 8))
    failed = make_pair("wct2-cat5", "vgg16", rounds=9, status="oom", reason="full")
    assert only([first, second, failed], VGG_FASTER).count == 8
    row = only([failed], VGG_FASTER)
    assert (row.verdict, row.measured) == ("not comparable", "—")
    assert row.remark == "ended in oom: full"
    assert only([failed, first], VGG_FASTER).count == 6


def test_other_transforms_small_sizes_and_few_rounds_do_not_judge(make_pair):
    small = make_pair("wct2-cat5", "vgg16", 10, resolution="320x240", width=320, height=240)
    assert only([small], VGG_FASTER).remark.startswith("no record")
    other = make_pair("wct2-cat5", "vgg16", 10, other_transform="ot")
    assert only([other], VGG_FASTER).remark.startswith("no record")
    row = only([make_pair("wct2-cat5", "vgg16", 10, rounds=3)], VGG_FASTER)
    assert row.verdict == "not comparable"
    assert "3 of at least 6 rounds" in row.remark
    assert row.span.endswith("(min to max)")
    assert doctest.testmod(rows).failed == 0


@pytest.mark.parametrize(
    ("ratios", "verdict", "remark"),
    [
        ((10, 9, 5, 20), "reproduced", "the ratio on a CPU"),
        ((10, 9, 5, 60), "not reproduced", "mobilenet_v1 against wct2-cat5: a larger speed-up"),
        ((10, 9, 2, 20), "not reproduced", "vgg16 against photowct2: a smaller speed-up"),
        ((10, 9, 5), "not comparable", "no figure: run `python -m bench ratio A B --out DIR` with "
         "`wct2-cat5 mobilenet_v1`"),
        ((10, 1), "not reproduced", "vgg16 against photowct: a smaller speed-up than claimed"),
    ],
)  # fmt: skip
def test_the_overall_range_needs_every_pair(make_pair, ratios, verdict, remark):
    row = only(overall_records(make_pair, ratios), OVERALL)
    assert row.verdict == verdict
    assert row.remark.startswith(remark)
    assert row.low < min(ratios) < max(ratios) < row.high


def test_the_overall_range_without_an_interval(make_pair):
    few = overall_records(make_pair, (10, 10, 5, 20), rounds=2)
    row = only(few, OVERALL)
    assert row.verdict == "not comparable"
    assert "too few rounds" in row.remark
    failed = overall_records(make_pair, (10, 10, 5, 20), status="oom", reason="full")
    row = only(failed, OVERALL)
    assert (row.verdict, row.measured) == ("not comparable", "—")
    single = only(overall_records(make_pair, (10,)), OVERALL)
    assert (single.measured, single.verdict) == ("10.0×", "not comparable")


@pytest.mark.parametrize(
    ("changes", "verdict", "measured", "remark"),
    [
        ({"device": "cuda"}, "reproduced", "1.00 GiB", ""),
        ({"device": "cuda", "status": "oom", "reason": "full"}, "not reproduced", "oom", "full"),
        ({"device": "cuda", "status": "predicted", "reason": "left out"}, "not comparable",
         "predicted", "predicted: left out"),
        ({}, "not comparable", "1.00 GiB", "the claim is of a GPU; here it ended well"),
        ({"status": "oom", "reason": "full"}, "not comparable", "oom",
         "the claim is of a GPU; here it was oom: full"),
    ],
)  # fmt: skip
def test_8k(make_cost, changes, verdict, measured, remark):
    record = make_cost(resolution="8K", width=7680, height=4320, **changes)
    row = only([make_cost(), record], "VGG student: 8K on one GPU")
    assert (row.verdict, row.measured, row.remark) == (verdict, measured, remark)
    assert row.place.startswith("8K, ")


STYLE = "VGG student: stronger style than WCT²"
CONTENT = "VGG student: better content than PhotoWCT²"


@pytest.mark.parametrize(
    ("shift", "verdict", "measured"),
    [(-0.05, "reproduced", "-0.050"), (0.05, "not reproduced", "+0.050")],
)
def test_quality_is_compared_pair_by_pair(scores, shift, verdict, measured):
    # the scores differ tenfold more between pairs than between subjects
    row = only(scores("wct2-cat5", 0.5) + scores("vgg16", 0.5 + shift), STYLE)
    assert (row.verdict, row.measured, row.count) == (verdict, measured, 6)
    assert row.low == pytest.approx(row.high) == pytest.approx(shift)
    assert row.place == "6 pairs, cpu Some CPU"


def test_a_difference_that_may_be_nothing_is_not_reproduced(scores, make_quality):
    ours = [make_quality("vgg16", pair, gram=0.5 + (-1) ** n / 10) for n, pair in enumerate(PAIRS)]
    row = only([*ours, *[make_quality("wct2-cat5", pair, gram=0.5) for pair in PAIRS]], STYLE)
    assert row.verdict == "not reproduced"
    assert row.remark.startswith("no difference is shown")
    assert row.low < 0 < row.high


def test_a_stand_in_carries_the_quality_of_a_peer(scores, make_quality):
    untrained = make_quality("photowct2", pair=None, status="untrained", reason="seeded")
    peer = scores("photowct2-vgg16", 0.5, "ssim", cost_subject="photowct2")
    row = only([untrained, *peer, *scores("vgg16", 0.6, "ssim")], CONTENT)
    assert row.verdict == "reproduced"
    assert "`photowct2-vgg16` carries the quality of PhotoWCT², its encoder is VGG-16" in row.remark
    assert "0.850 against 0.750" in row.remark


def test_a_peer_trained_on_its_own_encoder_carries_its_quality(scores, make_quality):
    records = [*scores("photowct2-vgg19", 0.2, "ssim"), *scores("vgg16", 0.4, "ssim")]
    row = only(records, "VGG student: better content than PhotoWCT²")
    assert (row.verdict, row.measured) == ("reproduced", "+0.200")
    assert has_evidence(records)


def test_a_student_with_less_work_than_the_papers_is_told_apart(make_pair, make_cost):
    lighter = make_cost("vgg16", macs_content=16_000 * 1280 * 720)
    row = only([make_pair("wct2-cat5", "vgg16", 10.0), lighter], VGG_FASTER)
    assert "does 15 % fewer MACs a pixel than the paper's student" in row.remark
    same = make_cost("vgg16", macs_content=18_832 * 1280 * 720)
    assert "MACs" not in only([make_pair("wct2-cat5", "vgg16", 10.0), same], VGG_FASTER).remark


def test_less_work_on_either_side_is_told(make_pair, make_cost):
    lighter = make_cost("vgg16", macs_content=16_000 * 1280 * 720)
    pairs = [make_pair("vgg16", "mobilenet_v1", 2.0), make_pair("wct2-cat5", "vgg16", 10.0)]
    for claim in ("MobileNet student faster than the VGG student", "Faster than existing"):
        row = next(r for r in check_claims([*pairs, lighter]) if r.claim.startswith(claim))
        assert "`vgg16` does 15 % fewer MACs a pixel than the paper's student" in row.remark


def test_finished_images_are_no_evidence_whatever_their_name(scores):
    images = {"config": {"outputs": "files"}}
    named = [*scores("photowct2-vgg19", 0.2, "ssim", **images), *scores("vgg16", 0.4, "ssim")]
    row = only(named, "VGG student: better content than PhotoWCT²")
    assert row.verdict == "not comparable"
    student = scores("vgg16", 0.4, "ssim", **images)
    row = only([*scores("photowct2-vgg19", 0.2, "ssim"), *student], CONTENT)
    assert row.verdict == "not comparable"


def test_untrained_peers_are_not_comparable(scores, make_quality):
    untrained = make_quality("wct2-cat5", pair=None, status="untrained", reason="seeded")
    row = only([untrained, *scores("vgg16", 0.5)], STYLE)
    assert (row.verdict, row.remark) == (
        "not comparable", "`wct2-cat5` is untrained: no quality",
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"pair_hash": "other files"},
        {"width": 100},
        {"protocol": {"gram": "another one"}},
        {"device_name": "Other CPU"},
    ],
)
def test_only_the_same_pairs_are_put_together(scores, changes):
    row = only(scores("wct2-cat5", 0.5, **changes) + scores("vgg16", 0.4), STYLE)
    assert (row.verdict, row.remark) == (
        "not comparable", "`vgg16` and `wct2-cat5` share no pair, size and protocol",
    )  # fmt: skip


def test_pairs_scored_by_two_protocols_are_no_more_pairs(scores):
    sizes = ({}, {"width": 100, "protocol": {"gram": "at most 100 px a side"}})
    records = [
        record
        for changes in sizes
        for subject, value in (("wct2-cat5", 0.5), ("vgg16", 0.4))
        for record in scores(subject, value, **changes)[:3]
    ]
    assert [(row.count, row.verdict) for row in find(records, STYLE)] == [(3, "not comparable")] * 2


def test_only_the_last_version_and_common_pairs_are_compared(scores, make_quality):
    old = scores("vgg16", 9.0, subject_hash="an older student")
    new = scores("vgg16", 0.4)
    failed = make_quality("wct2-cat5", "07", status="oom", reason="full")
    row = only([*old, *new, *scores("wct2-cat5", 0.5), failed], STYLE)
    assert (row.measured, row.count) == ("-0.100", 6)
    few = only([*new[:2], *scores("wct2-cat5", 0.5)], STYLE)
    assert (few.verdict, few.place) == ("not comparable", "2 pairs, cpu Some CPU")
    alone = only(scores("wct2-cat5", 0.5), STYLE)
    assert alone.remark.startswith("no record")


def test_when_a_page_has_something_to_compare(make_cost, make_pair, make_quality):
    assert not has_evidence([make_cost(), make_quality()])
    assert has_evidence([make_pair()])
    assert has_evidence([make_cost("photowct")])
    assert has_evidence([make_quality("mine", cost_subject="photowct2")])


def test_facts_follow_from_counts(make_cost):
    pixels = 1280 * 720
    records = [
        make_cost("vgg19-full", macs_content=482_778 * pixels),
        make_cost("vgg16", resolution="FHD", width=1920, height=1080),  # no multiple of 16
        make_cost("vgg16", macs_content=16_931 * pixels, num_params=252_890),
        make_cost("photowct2", num_params=7_010_959),
        make_cost("wct2-cat5", num_params=10_121_871),
    ]
    facts = {fact.fact: fact for fact in derive_facts(records)}
    full = facts["MACs a content pixel, the full-width VGG-19 to the paper's VGG student"]
    assert (full.figure, full.source) == (
        "25.6×", "482,778 (record of `vgg19-full`) / 18,832 (counted)",
    )  # fmt: skip
    thin = facts["MACs a content pixel, the paper's VGG student to its MobileNet student"]
    assert (thin.figure, thin.source) == ("7.6×", "18,832 (counted) / 2,465 (counted)")
    assert facts["MACs a content pixel, `vgg19-full` to `vgg16`"].figure == "28.5×"
    missing = facts["MACs a content pixel, `vgg16` to `mobilenet_v1`"]
    assert (missing.figure, missing.value) == ("—", None)
    assert (
        "no record: run `python -m bench run --only cost --subjects mobilenet_v1" in missing.source
    )
    shipped = facts["Parameters of the shipped student `vgg16`"]
    assert (shipped.figure, shipped.source) == (
        "252,890", "deployed, from its record; 252,910 with 20 eigenbasis numbers",
    )  # fmt: skip
    assert facts["73K's share of PhotoWCT²'s parameters"].figure == "1.04 %"
    assert "73K's share of WCT²'s parameters" not in facts
    assert facts["283K if it counted eigenbases, as 73K does"].figure == "334,052"
