"""Each claim against synthetic records: present, missing, failed, on another device."""

import doctest
import re

import pytest
from claim_rows import find, only

from bench.claims import rows
from bench.claims.check import check_claims, has_evidence
from bench.claims.facts import derive_facts
from bench.cli import _create_parser

VGG_FASTER = "VGG student faster than WCT²"


OVERALL = "Faster than existing models, overall"


def overall_records(make_ratio, ratios, **changes):
    pairs = [
        ("wct2-cat5", "vgg16"), ("photowct", "vgg16"), ("photowct2", "vgg16"),
        ("wct2-cat5", "mobilenet_v1"),
    ]  # fmt: skip
    return [
        record
        for pair, ratio in zip(pairs, ratios, strict=False)
        for record in make_ratio(*pair, ratio, **changes)
    ]


def test_counts_need_no_record():
    vgg, mobilenet = (only([], f"{who} student: parameters") for who in ("VGG", "MobileNet"))
    assert (vgg.measured, vgg.published, vgg.verdict) == ("283,236", "283K", "reproduced")
    assert "without its 50,816 eigenbasis parameters" in vgg.remark
    assert (mobilenet.measured, mobilenet.verdict) == ("72,838", "reproduced")
    assert "52,742 deployed parameters" in mobilenet.remark
    assert "20,096 eigenbasis parameters" in mobilenet.remark


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


def test_a_row_without_a_record_names_the_command_to_run():
    missing = [row for row in check_claims([]) if row.place != "counted"]
    assert len(missing) == 15
    assert {row.verdict for row in missing} == {"not comparable"}
    assert all(row.remark.startswith("no record: run `python -m bench ") for row in missing)
    assert "bench ratio wct2-cat5 vgg16 --out DIR" in only([], VGG_FASTER).remark
    assert "wct2-cat5 mobilenet_v1" in only([], OVERALL).remark
    assert "bench train wct2-cat5" in only([], STYLE).remark


def test_each_advised_command_is_valid_and_asks_for_the_image_pairs(make_quality):
    records = [make_quality("wct2-cat5"), make_quality("photowct")]
    texts = [row.remark for row in (*check_claims(records), *check_claims([]))]
    texts += [fact.source for fact in derive_facts([])]
    commands = {each for text in texts for each in re.findall(r"`python -m (bench [^`]+)`", text)}
    assert len(commands) > 10
    for command in commands:
        if command.startswith("bench train"):
            continue  # its remaining options are the reader's
        options = vars(_create_parser(command.split()[1]).parse_args(command.split()[1:]))
        measures_quality = options["command"] == "run" and options["only"] != "cost"
        assert not measures_quality or options["pairs"] is not None


@pytest.mark.parametrize(
    ("ratio", "verdict", "remark"),
    [
        (10, "reproduced", "measured on a CPU; the paper measured on a GPU"),
        (30, "exceeded", "a larger speed-up than claimed; measured on a CPU"),
        (3, "not reproduced", "a smaller speed-up than claimed; measured on a CPU"),
    ],
)
def test_speed_is_judged_by_the_speed_ratio(make_ratio, ratio, verdict, remark):
    row = only(make_ratio("wct2-cat5", "vgg16", ratio), VGG_FASTER)
    assert row.verdict == verdict
    assert row.remark.startswith(remark)
    assert row.place == "HD, cpu Some CPU, 2 threads"
    assert row.value == pytest.approx(ratio, rel=1e-3)
    assert row.low < row.value < row.high
    assert row.count == 3


def test_a_gpu_has_no_remark_and_a_row_of_its_own(make_ratio):
    gpu = make_ratio("wct2-cat5", "vgg16", 11, device="cuda", device_name="Some GPU")
    rows = find([*make_ratio("wct2-cat5", "vgg16", 3), *gpu], VGG_FASTER)
    assert [row.verdict for row in rows] == ["not reproduced", "reproduced"]
    assert (rows[1].place, rows[1].remark) == ("HD, cuda Some GPU, 2 threads", "")


def test_the_other_order_counts_inverted(make_ratio):
    row = only(make_ratio("vgg16", "wct2-cat5", 0.1), VGG_FASTER)
    assert row.measured == "10.0×"
    assert row.low < 10 < row.high
    assert row.verdict == "reproduced"


def test_the_last_measurement_counts_unless_it_failed(make_pair, make_ratio):
    first, second = (make_ratio("wct2-cat5", "vgg16", 10, n, rounds=n) for n in (3, 4))
    failed = make_pair("wct2-cat5", "vgg16", rounds=9, status="oom", reason="full")
    assert only([*first, *second, failed], VGG_FASTER).count == 4
    row = only([failed], VGG_FASTER)
    assert (row.verdict, row.measured) == ("not comparable", "—")
    assert row.remark == "ended with oom: full"
    assert only([failed, *first], VGG_FASTER).count == 3


def test_other_transforms_small_sizes_and_few_processes_do_not_judge(make_pair):
    small = make_pair("wct2-cat5", "vgg16", 10, resolution="320x240", width=320, height=240)
    assert only([small], VGG_FASTER).remark.startswith("no record")
    other = make_pair("wct2-cat5", "vgg16", 10, other_transform="ot")
    assert only([other], VGG_FASTER).remark.startswith("no record")
    row = only([make_pair("wct2-cat5", "vgg16", 10, rounds=30)], VGG_FASTER)
    assert row.verdict == "not comparable"
    assert "too few processes for an interval: 1 of at least 3" in row.remark
    assert (row.span, row.low, row.high) == ("—", None, None)
    assert doctest.testmod(rows).failed == 0


@pytest.mark.parametrize(
    ("ratios", "verdict", "remark"),
    [
        ((10, 9, 5, 20), "reproduced", "measured on a CPU"),
        ((10, 9, 5, 60), "exceeded", "mobilenet_v1 against wct2-cat5: a larger speed-up"),
        ((10, 9, 2, 60), "not reproduced", "vgg16 against photowct2: a smaller speed-up"),
        ((10, 60, 5), "not comparable", "incomplete: run"),
        ((10, 9, 2, 20), "not reproduced", "vgg16 against photowct2: a smaller speed-up"),
        ((10, 9, 5), "not comparable", "incomplete: run `python -m bench ratio A B --out DIR` with "
         "`wct2-cat5 mobilenet_v1`"),
        ((10, 1), "not reproduced", "vgg16 against photowct: a smaller speed-up than claimed"),
    ],
)  # fmt: skip
def test_the_overall_range_needs_every_pair(make_ratio, ratios, verdict, remark):
    row = only(overall_records(make_ratio, ratios), OVERALL)
    assert row.verdict == verdict
    assert row.remark.startswith(remark)
    assert row.low < min(ratios) < max(ratios) < row.high


def test_the_overall_range_without_an_interval(make_ratio):
    few = overall_records(make_ratio, (10, 10, 5, 20), processes=1)
    row = only(few, OVERALL)
    assert row.verdict == "not comparable"
    assert "too few processes" in row.remark
    assert (row.measured, row.span, row.low, row.high) == ("5.0 to 19.8×", "—", None, None)
    failed = overall_records(make_ratio, (10, 10, 5, 20), status="oom", reason="full")
    row = only(failed, OVERALL)
    assert (row.verdict, row.measured) == ("not comparable", "—")
    single = only(overall_records(make_ratio, (10,)), OVERALL)
    assert (single.measured, single.verdict) == ("10.0×", "not comparable")


@pytest.mark.parametrize(
    ("changes", "verdict", "measured", "remark"),
    [
        ({"device": "cuda"}, "reproduced", "1.00 GiB", ""),
        ({"device": "cuda", "status": "oom", "reason": "full"}, "not reproduced", "oom", "full"),
        ({"device": "cuda", "status": "predicted", "reason": "left out"}, "not comparable",
         "predicted", "predicted: left out"),
        ({}, "not comparable", "1.00 GiB", "the claim is about a GPU; this one completed"),
        ({"status": "oom", "reason": "full"}, "not comparable", "oom",
         "the claim is about a GPU; this one ended with oom: full"),
    ],
)  # fmt: skip
def test_8k(make_cost, changes, verdict, measured, remark):
    record = make_cost(resolution="8K", width=7680, height=4320, **changes)
    row = only([make_cost(), record], "VGG student: 8K on one GPU")
    assert (row.verdict, row.measured, row.remark) == (verdict, measured, remark)
    assert row.place.startswith("8K, ")


STYLE = "VGG student: stronger style than WCT²"


def test_a_student_with_fewer_macs_than_the_paper_s_has_a_remark(make_pair, make_cost):
    lighter = make_cost("vgg16", macs_content=16_000 * 1280 * 720)
    row = only([make_pair("wct2-cat5", "vgg16", 10.0), lighter], VGG_FASTER)
    assert "has 15 % fewer MACs per pixel than the paper's student" in row.remark
    same = make_cost("vgg16", macs_content=18_832 * 1280 * 720)
    assert "MACs" not in only([make_pair("wct2-cat5", "vgg16", 10.0), same], VGG_FASTER).remark


def test_fewer_macs_on_either_side_are_a_remark(make_pair, make_cost):
    lighter = make_cost("vgg16", macs_content=16_000 * 1280 * 720)
    pairs = [make_pair("vgg16", "mobilenet_v1", 2.0), make_pair("wct2-cat5", "vgg16", 10.0)]
    for claim in ("MobileNet student faster than the VGG student", "Faster than existing"):
        row = next(r for r in check_claims([*pairs, lighter]) if r.claim.startswith(claim))
        assert "`vgg16` has 15 % fewer MACs per pixel than the paper's student" in row.remark


def test_when_a_page_has_something_to_compare(make_cost, make_pair, make_quality):
    assert not has_evidence([make_cost(), make_quality()])
    assert has_evidence([make_pair()])
    assert has_evidence([make_cost("photowct")])
    assert has_evidence([make_quality("mine", cost_subject="photowct2")])
