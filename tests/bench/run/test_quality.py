"""Quality and curve cases: which transforms, strengths and regularizers are scored."""

from dataclasses import replace
from pathlib import Path

from small_runs import make_context, make_description, make_info, make_profile, no_bar

from bench.plan.image_pairs import ImagePair
from bench.quality.protocol import describe_size, without_outputs
from bench.run.quality import plan_curve, plan_quality, run
from bench.run.recorder import known_records

PAIR = ImagePair(
    name="01", content=Path("c.png"), style=Path("s.png"), hash="0", width=64, height=48
)
PROFILE = make_profile(transforms=("zca", "ot"))
INFO = make_info(transforms=("zca", "adain", "ot"))


def list_cases(plan, profile, *subjects):
    return [each.case for each in plan(profile, make_description(*subjects, pairs=[PAIR]))]


def test_a_subject_is_scored_with_its_transforms_of_the_profile():
    transfer = make_info("mkl", transforms=("none",))
    untrained = make_info("vgg19-full", has_quality=False)
    cases = list_cases(plan_quality, PROFILE, INFO, transfer, untrained)
    assert [(case.subject, case.transform, case.pair, case.width) for case in cases] == [
        ("plain", "zca", "01", 64),
        ("plain", "ot", "01", 64),
        ("mkl", "none", "01", 64),
        ("vgg19-full", "zca", None, None),
    ]


def test_a_student_without_regularizer_has_strengths_only():
    profile = replace(PROFILE, curve_strengths=(0.5,), curve_regularizers=(0.1, 1.0))
    student = replace(INFO, regularizers=[0.0] * 4)
    (case,) = list_cases(plan_curve, profile, student)
    assert (case.kind, case.strength, case.regularizer, case.pair) == ("curve", 0.5, None, "01")
    student = replace(student, regularizers=[2.0] * 4)
    cases = list_cases(plan_curve, profile, student)
    assert [case.regularizer for case in cases] == [None, 0.1, 1]
    assert list_cases(plan_curve, profile, INFO) == []


def test_a_child_that_cannot_start_is_an_error_of_each_case(tmp_path):
    cases = plan_quality(PROFILE, make_description(INFO, pairs=[PAIR]))
    records = run(make_context(tmp_path), cases, no_bar())
    assert [(record.case.transform, record.status) for record in records] == [
        ("zca", "error"),
        ("ot", "error"),
    ]
    assert all(record.reason.startswith("cannot start /none") for record in records)


def test_a_resumed_run_measures_records_without_a_chosen_metric_again(tmp_path):
    profile = replace(PROFILE, transforms=("zca",), metrics=("gram", "gmsd"))
    cases = plan_quality(profile, make_description(INFO, pairs=[PAIR]))
    context = make_context(tmp_path)
    for protocol, status in (
        ({"gram": "a", "ssim": "b"}, "error"),
        ({"gram": "a", "gmsd": "b"}, "ok"),
    ):
        context.recorder.write(cases[0], status="ok", gram=0.5, protocol=protocol)
        recorder = replace(context.recorder, known=known_records(tmp_path))
        (record,) = run(replace(context, recorder=recorder), cases, no_bar())
        assert record.status == status  # no child process can start here


def test_protocols_say_where_a_filter_is_a_part_of_the_subject(tmp_path):
    texts = {}
    for subject in (INFO, make_info("plain|guided", transforms=("zca",))):
        case, *_ = plan_quality(PROFILE, make_description(subject, pairs=[PAIR]))
        record = make_context(tmp_path).recorder.write(
            case, status="ok", gram=0.5, protocol={"gram": f"Gram, {describe_size()}"}
        )
        texts[subject.name] = record.protocol["gram"]
    assert texts["plain"] == "Gram, native size, float output, no guided filter"
    assert texts["plain|guided"].endswith("float output, guided filter as a part of the subject")
    assert len({without_outputs(text) for text in texts.values()}) == 1
