"""The profile command: a table, JSON, a record and a trace; one line if it fails."""

import argparse
import json
from pathlib import Path

import pytest
from small_runs import FAKE_WORKER

from bench.commands import profile
from bench.records.store import read_records
from pcakd.errors import ConfigError, OutputError, UnknownNameError


def parse(*given):
    parser = argparse.ArgumentParser()
    profile.add_arguments(parser)
    return parser.parse_args([*given])


@pytest.fixture
def measured(monkeypatch, make_stages):
    record = make_stages()
    monkeypatch.setattr(profile, "measure", lambda args, folder: record)
    return record


@pytest.mark.parametrize(
    ("subject", "given", "name"),
    [
        ("vgg16@ot", (), "vgg16@ot-HD.trace.json.gz"),
        ("runs/mine.safetensors+bf16", (), "mine+bf16-HD.trace.json.gz"),
        ("vgg16", ("--trace", "here.json"), "here.json"),
        ("vgg16", ("--no-trace",), None),
    ],
)
def test_a_trace_has_a_name_unless_it_is_switched_off(subject, given, name):
    chosen = profile.choose_trace(parse(subject, "--resolution", "HD", *given))
    assert chosen == (None if name is None else Path(name))


def test_an_unknown_resolution_is_refused():
    with pytest.raises(UnknownNameError, match="a/b"):
        profile.run(parse("vgg16", "--resolution", "a/b"))


@pytest.mark.usefixtures("measured")
def test_it_prints_every_section_and_the_bound(capsys):
    assert profile.run(parse("vgg16", "--resolution", "HD")) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert any(line.startswith("encode  ") and "60 %" in line for line in lines)
    assert any(line.startswith("filter (optional)") and "not counted" in line for line in lines)
    assert "timer overhead +11.1 %" in text
    assert "encode and decode: 90 % of the time" in text
    assert "speed it up at most 10.0 times" in text


@pytest.mark.parametrize("options", [("--warmup", "-1"), ("--samples", "0"), ("--seconds", "0")])
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match="--samples ≥ 1"):
        profile.run(parse("vgg16", "--resolution", "HD", *options))


def test_json_has_the_record_and_what_derives_from_it(measured, capsys):
    assert profile.run(parse("vgg16", "--resolution", "HD", "--json")) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["watching_share"] == answer["timer_overhead"]
    assert answer["record"]["stages"] == measured.stages
    assert sum(answer["share"].values()) == pytest.approx(1.0)
    assert "filter" not in answer["share"]
    assert answer["speedup_bound"] == pytest.approx(10.0)


def test_a_failed_measurement_is_one_line(monkeypatch, make_stages):
    failed = make_stages(status="oom", reason="needed more than 2 GiB")
    monkeypatch.setattr(profile, "measure", lambda args, folder: failed)
    with pytest.raises(ConfigError, match=r"vgg16 at HD ended in oom \(needed more than 2 GiB\)"):
        profile.run(parse("vgg16", "--resolution", "HD"))


def test_unwritable_paths_are_refused_before_measuring(tmp_path, monkeypatch):
    monkeypatch.setattr(profile, "measure", lambda *_: pytest.fail("measured"))
    (tmp_path / "file").touch()
    for option, place in (("--trace", "no/trace.json"), ("--out", "file/run")):
        with pytest.raises(OutputError, match="cannot write"):
            profile.run(parse("vgg16", "--resolution", "HD", option, str(tmp_path / place)))


@pytest.mark.slow
@pytest.mark.usefixtures("importable_code")
def test_a_measurement_in_a_child_process(tmp_path):
    trace = tmp_path / "trace.json"
    given = ("content", "--resolution", "96x64", "--device", "cpu", "--samples", "2")
    record = profile.measure(parse(*given, "--trace", str(trace)), tmp_path, command=FAKE_WORKER)
    assert record.status == "ok", record.reason
    assert read_records(tmp_path) == [record]
    assert (record.case.kind, record.case.resolution, record.case.samples) == (
        "stages",
        "96x64",
        2,
    )
    assert record.stages["transform"]["bytes"] == 4 * 2 * 3 * 96 * 64
    assert record.config["profile"] == "profile"
    assert json.loads(trace.read_text())["traceEvents"]
